"""`deployer completion SHELL`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from deployer.cli.app import COMPLETE, root
from deployer.cli.options import speaking
from deployer.cli.voice import Voice
from deployer.core.errors import UsageError


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@speaking
def command(voice: Voice, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash  deployer completion bash > ~/.local/share/bash-completion/completions/deployer
    zsh   deployer completion zsh > ~/.zfunc/_deployer
    fish  deployer completion fish > ~/.config/fish/completions/deployer.fish
    """  # noqa: D301 - click keeps the lines below a real backspace
    kind = get_completion_class(shell)
    if kind is None:
        raise UsageError(f"no completion for {shell}")
    script = kind(root, {}, "deployer", COMPLETE).source()
    voice.answer({"shell": shell, "script": script}, script)
