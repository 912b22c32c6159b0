"""The PVs of `$(P)IOC:`, as an operator reads them, under the names and limits of devIocStats.

The 32 names of its stock screen for soft IOCs are all there. Knows no process and no server.
"""

from iocs.caserver import AlarmSeverity
from iocs.common import pv
from iocs.common.group import Group
from iocs.common.spec import AlarmPolicy, Archive

SLOW = Archive(60.0)
LONG_TEXT = 400


class ProcessPVs(Group):
    """What runs here, since when, and what it costs."""

    heartbeat = pv.counter("HEARTBEAT", "Counts seconds while the IOC lives", archive=SLOW)
    uptime = pv.text("UPTIME", "Time since start")
    started = pv.text("STARTTOD", "Time of start", archive=Archive())
    now = pv.text("TOD", "Time of day")
    start_count = pv.counter("START_CNT", "Starts since the state folder is new", saved=True, archive=SLOW)
    access_mode = pv.choice(
        "ACCESS",
        "What the IOC is used for at present",
        states=["Running", "Maintenance", "Test", "OFFLINE"],
        severities={
            "Maintenance": AlarmSeverity.MINOR,
            "Test": AlarmSeverity.MINOR,
            "OFFLINE": AlarmSeverity.MAJOR,
        },
        initial="Running",
        access="CONFIGURE",
        saved=True,
        writable=True,
        archive=Archive(),
    )
    load = pv.readback(
        "IOC_CPU_LOAD",
        "Load of this process, 100 %: one CPU",
        unit="%",
        precision=1,
        display=(0, 100),
        high=70.0,
        hihi=80.0,
        hyst=5.0,
        deadband=0.5,
        archive=Archive(60.0, deadband=2.0),
        alarm=AlarmPolicy(
            "The IOC is busy. See CA_CLNT_CNT and the log; PVs are late when it reaches 100 %.", delay_s=60.0
        ),
    )
    host_load = pv.readback(
        "SYS_CPU_LOAD",
        "Load of the host, all CPUs",
        unit="%",
        precision=1,
        display=(0, 100),
        high=70.0,
        hihi=80.0,
        hyst=5.0,
        deadband=0.5,
        archive=Archive(60.0, deadband=2.0),
    )
    processors = pv.integer("CPU_CNT", "CPUs of the host")
    memory_used = pv.readback(
        "MEM_USED", "Memory of this process", unit="byte", deadband=65536, archive=Archive(60.0, deadband=1e6)
    )
    memory_free = pv.readback(
        "MEM_FREE", "Memory the host can still give", unit="byte", deadband=1e6, archive=Archive(60.0, 1e7)
    )
    memory_max = pv.readback("MEM_MAX", "Memory of the host", unit="byte")
    files_open = pv.integer("FD_CNT", "Open files and sockets", archive=SLOW)
    files_max = pv.integer("FD_MAX", "Files and sockets that may be open")
    files_free = pv.integer(
        "FD_FREE",
        "Files and sockets that may still open",
        low=20,
        lolo=5,
        display=(0, 150),
        alarm=AlarmPolicy("Clients will be turned away. Close some, or raise LimitNOFILE and restart."),
    )
    suspended = pv.integer(
        "SUSP_TASK_CNT",
        "Tasks that died and wait to be restarted",
        hihi=1,
        archive=SLOW,
        alarm=AlarmPolicy("A task of the IOC dies again and again: see its log.", delay_s=10.0),
    )
    record_count = pv.integer("RECORD_CNT", "Records served")
    process = pv.integer("PROCESS_ID", "Process id")
    parent = pv.integer("PARENT_ID", "Process id of what started the IOC")
    reset = pv.command("SYSRESET", "Restart the IOC, where rules grant it", "Reset", access="RESTART")


class PlacePVs(Group):
    """Where it runs, from what, and who answers for it."""

    hostname = pv.text("HOSTNAME", "Host the IOC runs on")
    kernel = pv.text("KERNEL_VERS", "Operating system")
    server = pv.text("EPICS_VERS", "What serves Channel Access, and version")
    server_long = pv.text("EPICS_VERSION", "EPICS_VERS with everything it stands on", max_length=119)
    engineer = pv.text("ENGINEER", "Who answers for it: variable ENGINEER")
    location = pv.text("LOCATION", "Where it is: variable LOCATION")
    folder_1 = pv.text("APP_DIR1", "Working directory, part 1")
    folder_2 = pv.text("APP_DIR2", "Working directory, part 2")
    folder = pv.text("APP_DIR", "Working directory", max_length=LONG_TEXT)
    command_1 = pv.text("ST_SCRIPT1", "Command line, part 1")
    command_2 = pv.text("ST_SCRIPT2", "Command line, part 2")
    command = pv.text("ST_SCRIPT", "Command line", max_length=LONG_TEXT)
    clock = pv.readback("GTIM_TIME", "Seconds since 1990", unit="sec", precision=3)
    clock_errors = pv.integer(
        "GTIM_ERR_CNT",
        "Times the clock went backwards",
        hihi=1,
        archive=Archive(),
        alarm=AlarmPolicy("Archived data overlaps. See what sets the host's clock, then GTIM_RESET."),
    )
    clock_source = pv.text("GTIM_CUR_SRC", "Where the time comes from")
    best_source = pv.text("GTIM_HI_SRC", "Best source of time there is")
    event_source = pv.text("GTIM_EVT_SRC", "Where times of events come from")
    clock_reset = pv.command(
        "GTIM_RESET", "Forget the clock errors counted so far", "Reset", access="CONFIGURE"
    )


class TrafficPVs(Group):
    """Clients, and how the server copes with them."""

    clients = pv.integer(
        "CA_CLNT_CNT", "Connected clients", high=100, hihi=175, display=(0, 200), archive=SLOW
    )
    channels = pv.integer(
        "CA_CONN_CNT", "Channels of all clients", high=4000, hihi=4500, display=(0, 5000), archive=SLOW
    )
    stalled = pv.integer(
        "CA_STALL_CNT",
        "Clients that have not read for a second",
        high=1,
        archive=SLOW,
        alarm=AlarmPolicy(
            "A client hangs: CA_STALL_ADDR says whose. Others do not notice; it is cut off after 300 s.",
            delay_s=60.0,
        ),
    )
    stalled_bytes = pv.counter("CA_STALL_BYTES", "What waits for those clients", unit="byte", archive=SLOW)
    stalled_address = pv.text("CA_STALL_ADDR", "Which of them waits longest", max_length=119)
    dropped = pv.counter("CA_DROP_CNT", "Clients cut off since they did not read", archive=SLOW)
    lost_events = pv.counter("CA_LOST_CNT", "Events replaced before they were read", archive=SLOW)
    protocol_errors = pv.counter("CA_ERR_CNT", "Clients that broke the protocol", archive=SLOW)
    bad_datagrams = pv.counter("CA_UDP_ERR_CNT", "Datagrams that made no sense", archive=SLOW)
    lag = pv.readback(
        "LOOP_LAG",
        "Longest standstill of the last minute",
        unit="s",
        precision=3,
        display=(0, 2),
        high=0.5,
        hihi=1.0,
        deadband=0.005,
        archive=Archive(60.0, deadband=0.05),
        alarm=AlarmPolicy(
            "All PVs were late: something blocks the IOC, or its host is overloaded: see the log."
        ),
    )
    worst_lag = pv.readback(
        "LOOP_LAG_MAX", "Longest standstill since the start", unit="s", precision=3, archive=SLOW
    )
    stalls = pv.counter("LOOP_STALL_CNT", "Standstills of more than a second", archive=Archive())
