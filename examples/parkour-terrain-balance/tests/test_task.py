"""What is particular to the task."""

from parkour.tasks import load_task


def test_it_trains_on_its_own_and_on_built_in_courses() -> None:
    task = load_task("balance-teacher", overlay="train")
    own = {"parkour-terrain-balance:balance_beam", "parkour-terrain-balance:stepping_stones"}
    ids = {part.id for part in task.terrains.values()}
    assert own < ids and "parkour-lab:gap" in ids
    assert sum(task.model.terrains[key].share for key in task.terrains) == 1.0
    assert task.rewards["feet_near_drop"].params.radius == 0.08
