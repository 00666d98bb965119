"""The command line: one verb per file, each imported only when it is used, so that `lagwise --help` starts at once."""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from ..targets import is_usage

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Seed = Annotated[int, typer.Option(help="Seed of the random inputs.")]
Target = "file.py[:name], package.module:name, backend:numpy|cupy|torch, or a library: llama, …"

USAGE, INTERRUPTED = 2, 130

app = typer.Typer(
    name="lagwise",
    help="Proves what a relative positional encoding is, and measures whether an implementation is that.",
    epilog="Example: lagwise prove rope && lagwise run backend:numpy --level smoke",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a usage error.")] = False,
) -> None:
    """Options before the verb."""
    if debug:
        os.environ["LAGWISE_DEBUG"] = "1"


def verb(name: str, *arguments: Any, **options: Any) -> None:
    """Runs the verb's own module and leaves with its exit status. A user's mistake is one line and exit status 2."""
    try:
        run: Callable[..., int] = import_module(f".{name}", __name__).run
        status = run(*arguments, **options)
    except Exception as error:
        if os.environ.get("LAGWISE_DEBUG") or not is_usage(error):
            raise
        typer.echo(f"lagwise: {' '.join(str(error).split())}", err=True)
        raise typer.Exit(getattr(error, "exit_status", USAGE)) from None
    except KeyboardInterrupt:
        typer.echo("lagwise: interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(status)


@app.command("list", epilog="Example: lagwise list")
def list_(json: Json = False) -> None:
    """The encodings of the catalogue, with what is claimed of each."""
    verb("list_", json=json)


@app.command(epilog="Example: lagwise show 'lrpe\\[core=unitary,p=dft]'")
def show(
    name: Annotated[str | None, typer.Argument(help="Catalogue name, name[key=value,…], or a design file.")] = None,
    config: Annotated[Path | None, typer.Option(help="A model's config.json: which encoding its rope is.")] = None,
    json: Json = False,
) -> None:
    """One encoding: definition, canonical form, parameters, claims, source; or what a model's configuration means."""
    verb("show", name, config=config, json=json)


@app.command(epilog="Example: lagwise prove rope xpos --certificates proofs/")
def prove(
    names: Annotated[list[str] | None, typer.Argument(help="Names or design files; all by default.")] = None,
    certificates: Annotated[Path | None, typer.Option(help="Folder to write the certificates to.")] = None,
    json: Json = False,
) -> None:
    """Decides every claim of the catalogue: the true ones are proved, the false ones refuted."""
    verb("prove", names or [], certificates=certificates, json=json)


@app.command(epilog="Example: lagwise verify proofs/")
def verify(paths: Annotated[list[Path], typer.Argument(help="Certificates, or folders of them.")]) -> None:
    """Checks certificates again, with the standard library alone."""
    verb("verify", paths)


@app.command(epilog="Example: lagwise design my_encoding.py")
def design(
    target: Annotated[str, typer.Argument(help="FILE[:NAME], Python that defines `design`.")], json: Json = False
) -> None:
    """What a new encoding is: relative? unitary? with how many features? What breaks it?"""
    verb("design", target, json=json)


@app.command(epilog="Example: lagwise run my_adapter.py --dtype bfloat16 --out out/")
def run(
    targets: Annotated[list[str], typer.Argument(metavar="TARGET...", help=Target)],
    encoding: Annotated[str | None, typer.Option(help="Only subjects of this encoding.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only the subject of this name.")] = None,
    check: Annotated[list[str] | None, typer.Option(help="Only these checks (repeat, or a comma list).")] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="Only these dtypes (repeat, or a comma list).")] = None,
    device: Annotated[list[str] | None, typer.Option(help="Only these devices (repeat, or a comma list).")] = None,
    level: Annotated[str, typer.Option(help="smoke | standard | certified")] = "standard",
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Folder for report.jsonl.")] = Path("out"),
    json: Json = False,
    explain: Annotated[bool, typer.Option("--explain", help="Print what each budget is the sum of.")] = False,
    time_limit: Annotated[float, typer.Option(help="Seconds a subject may take for one finding.")] = 60.0,
    jobs: Annotated[int, typer.Option(help="Subjects run at a time.", min=1)] = 2,
) -> None:
    """Measures whether implementations are the encoding they say they are."""
    asked = {"encoding": encoding, "subject": subject, "checks": check, "dtypes": dtype, "devices": device}
    how = {"level": level, "seed": seed, "time_limit": time_limit, "jobs": jobs}
    verb("run", targets, **asked, **how, out=out, json=json, explain=explain)


@app.command(epilog="Example: lagwise compare trainer.py rollout.py --encoding rope")
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=Target)],
    b: Annotated[str, typer.Argument(metavar="B", help=Target)],
    encoding: Annotated[str | None, typer.Option(help="Only subjects of this encoding.")] = None,
    dtype: Annotated[str | None, typer.Option(help="Compare in this dtype.")] = None,
    seed: Seed = 0,
    json: Json = False,
) -> None:
    """Whether two subjects compute the same thing: bitwise, by recipe, in their mathematics, or not."""
    verb("compare", a, b, encoding=encoding, dtype=dtype, seed=seed, json=json)


@app.command(epilog="Example: lagwise report out/report.jsonl --format html --out page.html")
def report(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="report.jsonl, or the folder that holds it.")],
    format: Annotated[str, typer.Option(help="html | json | junit | md | text")] = "text",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output by default.")] = None,
) -> None:
    """A report in another shape: one self-contained page, Markdown, JUnit XML."""
    verb("report", file, format=format, out=out)


@app.command(epilog="Example: lagwise diff old/report.jsonl new/report.jsonl")
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD")],
    new: Annotated[Path, typer.Argument(metavar="NEW")],
    json: Json = False,
) -> None:
    """What moved between two reports."""
    verb("diff", old, new, json=json)


def main() -> None:
    """The console command."""
    sys.exit(app())
