"""Simulates a sale that is to come: who waits how long, what is sold when, at which rate.

    world       what is simulated: arrivals, the sale's settings, its buyers; read from TOML
    arrivals    when visitors come
    result      what a simulation, a load test or a rehearsal came to, under the same names
    chart       curves as an SVG file
    simulation  people meet the rules of the service, moment by moment; summary has its result
    goals       what a sale should come to; recommendation finds the settings

It stands at the bottom of the layers and imports no other package of Holdfast, so that the load
test, which knows the published contract only, can send the crowd that was simulated.
"""
