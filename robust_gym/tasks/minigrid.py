"""The grid worlds of MiniGrid and three levels of BabyAI: partially observed rooms, doors, keys and lava.

All tasks see the world alike, see ``_minigrid_env.GridWorld``: one vector of the egocentric 7 x 7 view and the
compass direction, beside which stands the mission where it differs between episodes. Observation disruptions leave
the mission true, since it is the goal.
"""

from __future__ import annotations

from robust_gym.tasks._minigrid_task import AJAR, COLOURS, FUMBLE, GLASS, REST, count, grid_id, rooms, sizes, task

_others: tuple[int, ...]  # sizes and names of the maps of the loops below
_options: tuple[str, ...]

_CORNER = "Reach the goal in the far corner of an empty room of {} cells."
task("Empty5x5", grid_id("Empty-5x5"), _CORNER.format("5 x 5"), 100, maps=sizes("Empty", 5, 8, 16), shifts=(COLOURS,))
task("Empty8x8", grid_id("Empty-8x8"), _CORNER.format("8 x 8"), 256, maps=sizes("Empty", 8, 5, 16), shifts=(COLOURS,))
task(
    "Empty16x16", grid_id("Empty-16x16"), _CORNER.format("16 x 16"), 1024, maps=sizes("Empty", 16, 8), shifts=(COLOURS,)
)
task(
    "EmptyRandom6x6",
    grid_id("Empty-Random-6x6"),
    "Reach the goal in a corner of an empty room of 6 x 6 cells from anywhere.",
    144,
    maps=sizes("Empty-Random", 6, 5) | {"s8": {"size": 8}},
    shifts=(COLOURS,),
)

for _size, _others in ((5, (8, 6)), (8, (6, 16)), (16, (8,))):
    task(
        f"DoorKey{_size}x{_size}",
        grid_id(f"DoorKey-{_size}x{_size}"),
        f"Take the key, open the door and reach the goal, in {_size} x {_size} cells.",
        10 * _size**2,
        maps=sizes("DoorKey", _size, *_others),
        dynamics=FUMBLE if _size == 5 else (),
        shifts=(COLOURS, GLASS),
        standard=1_000_000 if _size < 16 else 5_000_000,
    )

task(
    "FourRooms",
    grid_id("FourRooms"),
    "Find the goal in one of four connected rooms.",
    100,
    maps={"s19": grid_id("FourRooms"), "s13": {"attributes": {"width": 13, "height": 13}}},
    shifts=(COLOURS, GLASS),
    standard=5_000_000,
)

_CHAINS = {"n2": grid_id("MultiRoom-N2-S4"), "n4": grid_id("MultiRoom-N4-S5", 1), "n6": grid_id("MultiRoom-N6")}
for _name, _many, _first in (("N2S4", 2, "n2"), ("N4S5", 4, "n4"), ("N6", 6, "n6")):
    task(
        f"MultiRoom{_name}",
        _CHAINS[_first],
        f"Go through {_many} rooms, opening a door between each, to the goal in the last.",
        20 * _many,
        maps={_first: _CHAINS[_first], **_CHAINS},
        dynamics=AJAR,
        sight=_many > 2,
        shifts=(COLOURS, GLASS),
        standard=5_000_000,
    )

for _kind, _about in (("Simple", "Find the gaps in {} of walls"), ("Lava", "Find the gaps in {} of lava")):
    _crossings = {name.lower(): grid_id(f"{_kind}Crossing{name}") for name in ("S9N1", "S9N2", "S9N3", "S11N5")}
    for _name, _options, _lines in (
        ("S9N1", ("s9n2", "s9n3"), "one line"),
        ("S9N3", ("s9n1", "s11n5"), "three lines"),
        ("S11N5", ("s9n3",), "five lines"),
    ):
        task(
            f"{_kind}Crossing{_name}",
            grid_id(f"{_kind}Crossing{_name}"),
            f"{_about.format(_lines)} and reach the goal in the far corner.",
            4 * (11 if _name == "S11N5" else 9) ** 2,
            maps={option: _crossings[option] for option in (_name.lower(), *_options)},
            shifts=(COLOURS, GLASS) if _kind == "Simple" else (COLOURS,),
        )

_GAPS = {f"s{size}": grid_id(f"LavaGapS{size}") for size in (5, 6, 7)}
for _size, _options in ((5, ("s6", "s7")), (7, ("s6", "s5"))):
    task(
        f"LavaGapS{_size}",
        grid_id(f"LavaGapS{_size}"),
        f"Pass the one gap in a wall of lava, in {_size} x {_size} cells.",
        4 * _size**2,
        maps={option: _GAPS[option] for option in (f"s{_size}", *_options)},
        shifts=(COLOURS,),
    )

task(
    "DistShift",
    grid_id("DistShift1"),
    "Go round two strips of lava to the goal; the second strip lies elsewhere in evaluation.",
    252,
    maps={"row2": {}, "row5": grid_id("DistShift2"), "row3": {"strip2_row": 3}, "row4": {"strip2_row": 4}},
    shifts=(COLOURS,),
)

for _size, _obstacles, _others in ((5, 2, (6, 8)), (8, 4, (6, 16)), (16, 8, (8,))):
    task(
        f"DynamicObstacles{_size}x{_size}",
        grid_id(f"Dynamic-Obstacles-{_size}x{_size}"),
        f"Reach the goal in the far corner without touching the {_obstacles} obstacles that wander about.",
        4 * _size**2,
        maps=sizes("Dynamic-Obstacles", _size, *_others),
        dynamics=REST + count("obstacles", "number of moving obstacles", _obstacles),
        shifts=(COLOURS,),
        idle="turn",
    )

_CORRIDORS = {name.lower(): grid_id(f"KeyCorridor{name}") for name in ("S3R1", "S3R2", "S3R3", "S4R3", "S5R3", "S6R3")}
for _name, _options, _horizon in (
    ("S3R2", ("s3r1", "s3r3"), 270),
    ("S3R3", ("s3r2", "s4r3"), 270),
    ("S6R3", ("s5r3", "s4r3"), 1080),
):
    task(
        f"KeyCorridor{_name}",
        grid_id(f"KeyCorridor{_name}"),
        "Find the key in one of the rooms along a corridor, and with it the ball behind the locked door.",
        _horizon,
        maps={option: _CORRIDORS[option] for option in (_name.lower(), *_options)},
        dynamics=FUMBLE + AJAR,
        shifts=(GLASS,),
        words=5,
        standard=5_000_000,
    )

_UNLOCK = "Take the key and open the door{}."
for _name, _what, _horizon, _words in (
    ("Unlock", "", 288, 0),
    ("UnlockPickup", " to pick up the box behind it", 288, 5),
    ("BlockedUnlockPickup", ", which a ball blocks, to pick up the box behind it", 576, 5),
):
    task(
        _name,
        grid_id(_name),
        _UNLOCK.format(_what),
        _horizon,
        maps=rooms(5, 6, 8),
        dynamics=FUMBLE,
        shifts=(GLASS,),
        words=_words,
        standard=5_000_000 if _words else 1_000_000,
    )

_HALLS = {name.lower(): grid_id(f"Memory{name}") for name in ("S7", "S11", "S13", "S13Random", "S17Random")}
for _name, _options, _horizon in (
    ("S7", ("s11", "s13"), 245),
    ("S13Random", ("s7", "s17random"), 845),
    ("S17Random", ("s13random",), 1445),
):
    task(
        f"Memory{_name}",
        grid_id(f"Memory{_name}"),
        "Remember the object in the first room and go to its like at the end of a hallway.",
        _horizon,
        maps={option: _HALLS[option] for option in (_name.lower(), *_options)},
        shifts=(COLOURS, GLASS),
        standard=5_000_000,
    )

for _size, _other in ((6, 8), (8, 6)):
    task(
        f"RedBlueDoors{_size}x{_size}",
        grid_id(f"RedBlueDoors-{_size}x{_size}"),
        "Open the red door, then the blue one.",
        20 * _size**2,
        maps=sizes("RedBlueDoors", _size, _other),
        shifts=(GLASS,),
    )

_MAZE = "Find the blue ball in {}: doors are locked and blocked, keys are hidden in boxes."
task(
    "ObstructedMaze1Dlhb",
    grid_id("ObstructedMaze-1Dlhb"),
    _MAZE.format("the other room"),
    288,
    maps=rooms(5, 6, 8) | {"unblocked": {"blocked": False}},
    shifts=(GLASS,),
    standard=5_000_000,
)
task(
    "ObstructedMaze2Dlhb",
    grid_id("ObstructedMaze-2Dlhb", 1),
    _MAZE.format("a corner of two quarters of a maze"),
    576,
    maps={"m2dlhb": {}, "m1q": grid_id("ObstructedMaze-1Q", 1), "full": grid_id("ObstructedMaze-Full", 1)},
    dynamics=FUMBLE,
    shifts=(GLASS,),
    standard=5_000_000,
)
task(
    "ObstructedMazeFull",
    grid_id("ObstructedMaze-Full", 1),
    _MAZE.format("a maze of nine rooms"),
    3600,
    maps={"full": {}, "m1q": grid_id("ObstructedMaze-1Q", 1), "m2q": grid_id("ObstructedMaze-2Q", 1)},
    dynamics=AJAR,
    shifts=(GLASS,),
    standard=5_000_000,
)

# What is asked differs between episodes, and the mission says it. A wrong "done" ends an episode of the first two.
task(
    "GoToDoor6x6",
    grid_id("GoToDoor-6x6"),
    "Stand beside the door of the colour that the mission names, and say so.",
    144,
    maps=sizes("GoToDoor", 6, 5, 8),
    dynamics=FUMBLE,
    words=5,
    idle="turn",
)
task(
    "GoToObject6x6N2",
    grid_id("GoToObject-6x6-N2"),
    "Stand beside the object that the mission names, and say so.",
    180,
    maps={"s6n2": {}, "s8n2": grid_id("GoToObject-8x8-N2")},
    dynamics=FUMBLE + count("objects", "number of objects", 2, high=3.0),
    words=5,
    idle="turn",
)
task(
    "Fetch8x8N3",
    grid_id("Fetch-8x8-N3"),
    "Pick up the object that the mission names, and no other.",
    320,
    maps={"s8n3": {}, "s6n2": grid_id("Fetch-6x6-N2"), "s5n2": grid_id("Fetch-5x5-N2")},
    dynamics=count("objects", "number of objects", 3, high=3.0),
    words=6,
)
task(
    "PutNear6x6N2",
    grid_id("PutNear-6x6-N2"),
    "Carry one object next to another one, as the mission says.",
    30,
    maps={"s6n2": {}, "s8n3": grid_id("PutNear-8x8-N3")},
    dynamics=FUMBLE,
    words=8,
    standard=5_000_000,
)
task(
    "LockedRoom",
    grid_id("LockedRoom"),
    "Fetch the key from the room that the mission names, unlock the door and reach the goal.",
    190,
    dynamics=AJAR,
    shifts=(GLASS,),
    words=17,
    standard=5_000_000,
)
task(
    "GoToRedBall",
    "BabyAI-GoToRedBall-v0",
    "Go to the red ball in a room with seven other things.",
    64,
    maps={"s8": {}, "s6": {"room_size": 6}, "s12": {"room_size": 12}},
    dynamics=FUMBLE + count("distractors", "number of things that do not matter", 7),
)
task(
    "GoToLocal",
    "BabyAI-GoToLocal-v0",
    "Go to the thing that the mission names, in a room with seven others.",
    64,
    maps={"s8": {}, "s6": {"room_size": 6, "num_dists": 4}, "s12": {"room_size": 12}},
    dynamics=FUMBLE + count("distractors", "number of things in the room", 8),
    words=5,
    standard=5_000_000,
)
task(
    "GoTo",
    "BabyAI-GoTo-v0",
    "Go to the thing that the mission names, in a maze of nine rooms.",
    576,
    maps={"maze": {}, "open": {"doors_open": True}, "s6": {"room_size": 6}},
    dynamics=AJAR + count("distractors", "number of things in the maze", 18, high=1.5),
    shifts=(GLASS,),
    words=5,
    standard=5_000_000,
)
