"""How the conversation with an instrument is shown before anything has gone wrong."""

from iocs.caserver import AlarmSeverity
from iocs.common.comm import CommPVs


def test_an_instrument_that_has_not_failed_has_no_last_error_rather_than_an_unknown_one() -> None:
    error = CommPVs("X:").comm_error
    assert (error.value, error.severity) == ("", AlarmSeverity.NO_ALARM)
