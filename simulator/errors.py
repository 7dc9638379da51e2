"""What can go wrong in a simulation: ours (`SimulatorError`), never the house's under test."""


class SimulatorError(Exception):
    """Base of the room. `error_id` is stable; the text is one sentence that says what to do."""

    error_id = "simulator"


class ProgramMissing(SimulatorError):
    """A program the simulator runs (sipp, sox, espeak-ng) isn't installed."""

    error_id = "simulator.program_missing"


class ProgramFailed(SimulatorError):
    """A program the simulator runs ended in a way it must not."""

    error_id = "simulator.program_failed"


class StepMissed(SimulatorError):
    """Something that had to happen didn't, within its time."""

    error_id = "simulator.step_missed"
