"""The rules of the service, as the simulator goes by them: line, sessions, stock and holds.

They are the scripts of lua/holdfast_lua written again for one process and millions of visitors,
with counters in place of scans. tests/simulator/test_differential.py gives scripts and rules the
same calls at the same moments and compares every answer.

Left out is what no simulation meets: losses of the store (gaps, sessions and numbers from before
it), allotments, and which seats of a category stand together. A draw is sealed at once.

    constants   the numbers that the scripts go by
    deadlines   who has until when, in order
    ranges      the calls that have not ended, and the share of the called who come
    line        joining, claiming, sessions, what the operator changes
    line_step   a step of the line
    quiet_steps steps in which nothing can be due
    stock       units and holds
    pass_holds  holds of who has a pass
"""
