"""`deployer output ENV [NAME]`."""

from __future__ import annotations

import click

from deployer.cli.documents import output_documents
from deployer.cli.formats import FORMATS, left_out, raw
from deployer.cli.options import environment, speaking
from deployer.cli.tables import outputs_text
from deployer.cli.text import width
from deployer.cli.voice import Voice
from deployer.core.errors import UsageError
from deployer.workflow.answers import Output, Where


@click.command("output")
@environment
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--format", "form", type=click.Choice(sorted(FORMATS)), help="For machines; without it a table.")
@click.option("--reveal", is_flag=True, help="Print sensitive values too.")
@speaking
def command(voice: Voice, environment: str, name: str | None, form: str | None, *, reveal: bool) -> None:
    """Print the platform's URLs, URIs and settings. NAME is component.output, a component, or a variable's name."""
    from deployer.workflow.output import outputs  # noqa: PLC0415 - the verb's own imports

    every = outputs(Where(voice.folder, environment), reveal=reveal)
    chosen = every if name is None else tuple(item for item in every if name in names(item))
    if name is not None and not chosen:
        known = ", ".join(f"{item.component}.{item.name}" for item in every) or "none"
        raise UsageError(f"there is no output {name!r}", why=f"the outputs are: {known}")
    if form:
        text = FORMATS[form](chosen)
        for word in left_out(chosen) if form == "env" else ():
            voice.say(word)
    elif name is not None and len(chosen) == 1:
        text = raw(chosen[0])
    else:
        text = outputs_text(chosen, voice.paint, width())
    if not every:
        voice.say(f"{environment} has no outputs: no component of it offers any")
    voice.answer({"outputs": output_documents(chosen)}, text)


def names(item: Output) -> tuple[str, ...]:
    """What an output may be asked for by."""
    return (f"{item.component}.{item.name}", item.component, *((item.variable,) if item.variable else ()))
