"""How the steps of a run are executed.

In one process, one after the other: the stages start worker processes of their own, trainings are processes of their
own, and a process a step would cost two to four seconds each.
"""

import dagster as dg

executor = dg.in_process_executor
