# SPDX-License-Identifier: LGPL-2.1-or-later
"""Copies plugins/example under another name: `./dev new-plugin NAME`."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
README = """# {name}

{name} answers with a greeting. Say here in one paragraph who needs it and why.

## What it does
Answers with a greeting.

## Addresses
| Method | Path | Answer |
|---|---|---|
| GET | `/{name}/hello` | the greeting, as plain text |

## Settings
`[plugins] {name} = true` enables it. `lectern settings {name}` prints the rest.

## Formats and standards
None.

## Access
`public`: everybody may ask.

## Limits
None.

## Not done
Nothing.
"""


def fail(text):
    sys.exit(f"dev: {text}")


def renamed(text, name):
    """The example's text with each spelling of its name replaced."""
    words = name.split("-")
    snake, camel = "_".join(words), "".join(word.capitalize() for word in words)
    text = text.replace("EXAMPLE", snake.upper()).replace("Example", camel)
    text = re.sub(r"lectern_example|test_example|\(example,",
                  lambda match: match.group().replace("example", snake), text)
    return text.replace("example", name)


def copy_folder(name):
    source = ROOT / "plugins" / "example"
    target = ROOT / "plugins" / name
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        if not path.is_file() or "__pycache__" in relative.parts:
            continue
        to = target / renamed(str(relative), name)
        to.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8")
        to.write_text(README.format(name=name) if path.name == "README.md"
                      else renamed(text, name), encoding="utf-8")


def add_line(path, line, after):
    """Puts LINE among the lines that match AFTER, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    places = [index for index, text in enumerate(lines) if re.match(after, text)]
    if not places:
        fail(f"cannot find where to name the plugin in {path.relative_to(ROOT)}")
    place = next((index for index in places if lines[index] > line), places[-1] + 1)
    lines.insert(place, line)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main():
    if len(sys.argv) != 2 or not NAME.fullmatch(sys.argv[1]):
        fail("usage: ./dev new-plugin NAME, with NAME in small letters, digits and dashes")
    name = sys.argv[1]
    if (ROOT / "plugins" / name).exists():
        fail(f"plugins/{name} exists already")
    copy_folder(name)
    add_line(ROOT / "plugins" / "meson.build", f"  '{name}',", r"  '[a-z0-9-]+',$")
    add_line(ROOT / "po" / "POTFILES.in", f"plugins/{name}/lectern-{name}-plugin.c",
             r"(core|plugins)/")
    print(f"wrote plugins/{name}, and named it in plugins/meson.build and po/POTFILES.in")


main()
