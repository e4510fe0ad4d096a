"""Simulates the rest of a sale that is under way, for the forecast of its live view.

history      what has happened so far, as curves
sale         how the sale stands, in counts, and a smaller or slower one in proportion
conduct      what its buyers have done so far, how surely that is known, and draws from it
inside       who is inside, and since when, drawn from the history
simulation   a simulation that begins where the sale stands
projection   when it will be sold out and its line be over, from several simulations
"""
