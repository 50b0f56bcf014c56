"""The command line that makes a report again."""

import shlex
from pathlib import Path

from typer.main import get_command

from ovprep.cli.app import app
from ovprep.cli.parsing import input_values, interface_options
from ovprep.options import InterfaceOptions
from ovprep.report.document import plain
from ovprep.report.html.command import command_of
from tests.report.html.reports import compared_report, full_report, timed_report


def test_every_kind_of_option() -> None:
    report = full_report()
    report["source"]["path"] = "my models/a.onnx"
    report["options"] = {
        "weights": "w.h5",
        "allow_code": True,
        "plugins": ["a", "b.py"],
        "input_values": {"sr": 16000},
        "dynamic": ["batch"],
        "interface": {"layout": "ncw", "layouts": {"y": "keep"}, "shapes": {"x": [1, None, 3]}, "batch": 4, "rank": 4},
        "rank": 4,
        "target": "npu",
        "verify": False,
        "seconds": 2.5,
    }
    report["target"] = "npu"
    assert command_of(report) == (
        "ovprep convert 'my models/a.onnx' --target npu --weights w.h5 --allow-code --plugin a --plugin b.py "
        "--input-value sr=16000 --dynamic batch --layout ncw --layout y=keep --input-shape 'x[1,?,3]' --batch 4 "
        "--interface-rank 4 --rank 4 --no-verify --seconds 2.5"
    )


def test_a_report_without_options() -> None:
    report = full_report()
    del report["options"]
    assert command_of(report) == "ovprep convert /models/conv1.h5 --target cpu"


def test_the_program_reads_it_as_it_was_meant() -> None:
    report = full_report()
    wanted = InterfaceOptions(layouts={"y": "keep"}, shapes={"x": (1, None, 3)}, batch=4, rank=4)
    report["options"] = {"interface": plain(wanted), "input_values": {"sr": 16000}, "benchmark": False, "threads": 1}
    command = get_command(app).commands["convert"]
    given = command.make_context("convert", shlex.split(command_of(report))[2:]).params
    assert given["model"] == Path("/models/conv1.h5")
    assert (given["benchmark"], given["verify"], given["threads"]) == (False, True, 1)
    assert input_values(given["input_value"]) == {"sr": 16000}
    options = (given[name] or () for name in ("layout", "input_shape"))
    assert interface_options(*options, given["batch"], given["interface_rank"]) == wanted


def test_a_benchmark_as_the_program_reads_it() -> None:
    report = timed_report()
    report["options"] = {
        "everything": True,
        "threads": [1, 2],
        "batch": [1],
        "hint": ["latency", "throughput"],
        "layout": "nwc",
        "input_values": {"sr": 16000},
        "against": "old.json",
        "fail_if_slower": 1.0,
        "max_memory_mb": 90.5,
    }
    words = shlex.split(command_of(report))
    assert "--batch" not in words
    given = get_command(app).commands["benchmark"].make_context("benchmark", words[2:]).params
    assert given["models"] == [Path(f"/models/{name}") for name in ("conv1.h5", "conv1_openvino", "broken.onnx")]
    wanted = {
        "everything": True,
        "threads": "1,2",
        "batch": "1",
        "hint": "latency,throughput",
        "layout": ["nwc"],
        "input_value": ["sr=16000"],
        "against": Path("old.json"),
        "fail_if_slower": 1.0,
        "max_memory_mb": 90.5,
    }
    assert {name: given[name] for name in wanted} == wanted


def test_a_verification_as_the_program_reads_it() -> None:
    words = shlex.split(command_of(compared_report()))
    given = get_command(app).commands["verify"].make_context("verify", words[2:]).params
    assert (given["original"], given["candidate"]) == (Path("/models/conv1.h5"), Path("/models/other.onnx"))
    assert (given["layout"], given["data"], given["tolerance"]) == (["x=nwc"], ["a b.npy"], 0.01)
