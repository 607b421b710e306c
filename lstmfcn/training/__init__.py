"""How is a network trained, interrupted and continued?"""
