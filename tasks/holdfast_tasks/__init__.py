"""Background tasks: started in one place, named, their failures reported, ended by their owner."""

from holdfast_tasks.keyed_tasks import KeyedTasks
from holdfast_tasks.periodic import Periodic
from holdfast_tasks.supervised import end_tasks, start_task

__all__ = ["KeyedTasks", "Periodic", "end_tasks", "start_task"]
