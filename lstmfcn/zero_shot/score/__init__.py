"""How good are the answers, and is a trained classifier better?"""
