# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts the served folder together: www, the player from npm, the page's sentences from po/.

usage: bundle.py PAGE-FOLDER PO-FOLDER OUT-FOLDER
Only files that differ are written. Without node_modules the page says that its player is missing.
"""

import ast
import json
import pathlib
import re
import sys

VENDOR = {
    "dashjs/dist/modern/umd/dash.mediaplayer.min.js": "dash.js",
    "dashjs/dist/modern/umd/dash.mediaplayer.min.js.LICENSE.txt": "dash.js.LICENSE.txt",
    "dashjs/LICENSE.md": "dash.js.LICENSE-BSD-3-Clause.txt",
    "hls.js/dist/hls.min.js": "hls.js",
    "hls.js/LICENSE": "hls.js.LICENSE-Apache-2.0.txt",
    "mpegts.js/dist/mpegts.js": "mpegts.js",
    "mpegts.js/dist/mpegts.js.LICENSE.txt": "mpegts.js.LICENSE.txt",
    "mpegts.js/LICENSE": "mpegts.js.LICENSE-Apache-2.0.txt",
}


def read_po(text):
    """Yields (references, msgid, msgstr) of each translated entry that is not fuzzy."""
    for block in re.split(r"\n\s*\n", text):
        lines = block.splitlines()
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        references = " ".join(line[2:] for line in lines if line.startswith("#:"))
        fields, field = {}, None
        for line in lines:
            match = re.match(r'(msgid|msgstr)?\s*(".*")$', line)
            if match and not line.startswith("#"):
                field = match.group(1) or field
                fields[field] = fields.get(field, "") + ast.literal_eval(match.group(2))
        if fields.get("msgid") and fields.get("msgstr"):
            yield references, fields["msgid"], fields["msgstr"]


def bundle(page, po):
    """{relative path: bytes} of the whole folder."""
    files = {str(path.relative_to(page / "www")): path.read_bytes()
             for path in sorted((page / "www").rglob("*")) if path.is_file()}
    for source, name in VENDOR.items():
        path = page / "node_modules" / source
        if path.is_file():
            # The map is not shipped, so the browser must not ask for it.
            text = re.sub(rb"\n//# sourceMappingURL=\S+\s*$", b"\n", path.read_bytes())
            files[f"vendor/{name}"] = text
    for catalogue in sorted(po.glob("*.po")):
        sentences = {msgid: msgstr for references, msgid, msgstr
                     in read_po(catalogue.read_text(encoding="utf-8"))
                     if "plugins/page/www/" in references}
        text = json.dumps(sentences, ensure_ascii=False, indent=0, sort_keys=True)
        files[f"locale/{catalogue.stem}.json"] = text.encode() + b"\n"
    return files


def main():
    page, po, out = (pathlib.Path(argument) for argument in sys.argv[1:4])
    files = bundle(page, po)
    for name, data in files.items():
        target = out / name
        if not target.is_file() or target.read_bytes() != data:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    for path in out.rglob("*"):
        if path.is_file() and str(path.relative_to(out)) not in files:
            path.unlink()
    if any(f"vendor/{name}.js" not in files for name in ("dash", "hls", "mpegts")):
        print("the pages lack a player: run `npm ci` in plugins/page, or ./dev build")


main()
