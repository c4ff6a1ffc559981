"""Event cameras: recordings, frames, and events made of images."""

from gradassay.datasets.events.framing import Framing, frames_of
from gradassay.datasets.events.load import load_events
from gradassay.datasets.events.recording import Events
from gradassay.datasets.events.saccades import saccade_events, saccade_frames, to_events
from gradassay.datasets.events.sets import EVENT_SETS
from gradassay.datasets.events.status import events_status

__all__ = [
    "EVENT_SETS",
    "Events",
    "Framing",
    "events_status",
    "frames_of",
    "load_events",
    "saccade_events",
    "saccade_frames",
    "to_events",
]
