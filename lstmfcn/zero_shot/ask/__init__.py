"""How is a model asked about samples, and its answer read?"""
