"""What makes a clinical task out of a model: prompts from typed inputs, and checks of what came back.

Nothing here speaks to the engine or decides about a route; text goes in and comes out as `ClinicalText`.
"""
