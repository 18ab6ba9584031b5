# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rules of the house that a machine can check."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import lectern_test

ROOT = lectern_test.SOURCE_DIR
LICENCE = "SPDX-License-Identifier: LGPL-2.1-or-later"
LONGEST = 800
# A folder of core includes only from folders with a lower number, and from itself.
FLOORS = {
    "base": 0,
    "store": 1,
    "access": 2,
    "config": 3, "net": 3, "lesson": 3,
    "media": 4, "http": 4,
    "formats": 5, "worker": 5,
    "segment": 6,
    "plugin": 7,
    "daemon": 8,
}
BANNED = ("sscanf", "strcpy", "strcat", "sprintf", "vsprintf", "gets", "system", "popen", "alloca",
          "g_alloca", "g_newa", "g_error")
HEADINGS = ["What it does", "Addresses", "Settings", "Formats and standards", "Access", "Limits",
            "Not done"]
COMMENT_OR_STRING = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)
TRANSLATED = re.compile(r"\bN?_ ?\([\"']")


def tracked():
    """Paths of the tree's files, relative to its root."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], capture_output=True, check=False)
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
        return sorted(pathlib.Path(name) for name in names if name and (ROOT / name).is_file())
    skipped = re.compile(r"(^|/)(\.git|build[^/]*|node_modules|__pycache__)(/|$)")
    paths = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return sorted(path for path in paths if not skipped.search(str(path)))


FILES = tracked()


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def ending(*suffixes):
    return [path for path in FILES if path.suffix in suffixes]


def code(path):
    """C code with comments and strings blanked, lines kept."""
    return COMMENT_OR_STRING.sub(lambda m: "\n" * m.group().count("\n"), text(path))


def includes(path):
    """(bracket, name) of each include."""
    return INCLUDE.findall(text(path))


def plugin_folders():
    return sorted({path.parts[1] for path in FILES
                   if path.parts[0] == "plugins" and len(path.parts) > 2})


class Lint(unittest.TestCase):
    maxDiff = None

    def none(self, findings):
        self.assertEqual([], list(findings))

    def test_every_source_names_its_licence(self):
        sources = ending(".c", ".h", ".py", ".js", ".mjs", ".css", ".build", ".sh")
        sources += [path for path in FILES if str(path) in ("dev", ".ci/run", "meson.build")]
        longer = [path for path in sources if path.name != "meson.build" or text(path).count("\n") > 9]
        self.none(str(path) for path in longer
                  if LICENCE not in "\n".join(text(path).splitlines()[:3]))

    def test_no_banned_call(self):
        call = re.compile(r"\b(" + "|".join(BANNED) + r")\s*\(|\bgoto\b")
        self.none(f"{path}:{number}: {line.strip()}" for path in ending(".c", ".h")
                  for number, line in enumerate(code(path).splitlines(), 1) if call.search(line))

    def test_files_are_short_enough_to_read(self):
        self.none(f"{path}: {len(text(path).splitlines())} lines"
                  for path in ending(".c", ".h", ".py", ".js", ".mjs", ".css")
                  if len(text(path).splitlines()) > LONGEST)

    def test_nothing_is_left_undone(self):
        mark = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
        self.none(f"{path}:{number}" for path in ending(
            ".c", ".h", ".py", ".js", ".mjs", ".css", ".html", ".md", ".build", ".conf")
            for number, line in enumerate(text(path).splitlines(), 1) if mark.search(line))

    def test_core_includes_only_from_lower_floors(self):
        findings = []
        for path in ending(".c", ".h"):
            if path.parts[0] != "core" or path.parts[1] not in FLOORS:
                continue
            folder = path.parts[1]
            for bracket, name in includes(path):
                other = name.split("/")[0]
                if bracket != '"' or other == folder:
                    continue
                if other not in FLOORS or FLOORS[other] >= FLOORS[folder]:
                    findings.append(f"{path}: {name}")
        self.none(findings)

    def test_core_names_no_plugin(self):
        self.none(f"{path}: {name}" for path in ending(".c", ".h") if path.parts[0] == "core"
                  for _, name in includes(path) if "plugins/" in name)

    def test_plugins_include_lectern_h_and_their_own(self):
        findings = []
        for path in ending(".c", ".h"):
            if path.parts[0] != "plugins" or len(path.parts) < 3 or "test" in path.parts:
                continue
            for bracket, name in includes(path):
                own = (ROOT / path.parent / name).is_file() and ".." not in name
                if bracket == '"' and not own:
                    findings.append(f"{path}: {name}")
                if bracket == "<" and re.match(rf"({'|'.join(FLOORS)})/lectern", name):
                    findings.append(f"{path}: {name}")
        self.none(findings)

    def test_every_plugin_has_its_readme(self):
        findings = []
        for name in plugin_folders():
            path = pathlib.Path("plugins", name, "README.md")
            if path not in FILES:
                findings.append(f"{path} is missing")
                continue
            headings = re.findall(r"^## (.+)$", text(path), re.MULTILINE)
            if [heading for heading in headings if heading in HEADINGS] != HEADINGS:
                findings.append(f"{path}: {headings}")
        self.none(findings)

    def test_every_plugin_has_tests(self):
        tests = {path: text(path) for path in FILES if path.suffix in (".c", ".py", ".mjs")
                 and path.name.startswith("test")}
        def tested(plugin):
            return any(path.parts[:2] == ("plugins", plugin) or plugin in body
                       for path, body in tests.items())
        self.none(name for name in plugin_folders() if not tested(name))

    def test_lock_files_name_no_host(self):
        locks = [path for path in FILES if path.name == "package-lock.json"]
        self.assertTrue(locks)
        self.none(str(path) for path in locks
                  if '"resolved"' in text(path))
        for path in locks:
            packages = json.loads(text(path))["packages"]
            self.none(name for name, package in packages.items()
                      if name and not package.get("integrity", "").startswith("sha512-"))

    def test_shell_scripts_parse(self):
        for name in ("dev", ".ci/run"):
            with self.subTest(name):
                done = subprocess.run(["bash", "-n", ROOT / name], capture_output=True, text=True,
                                      check=False)
                self.assertEqual((0, ""), (done.returncode, done.stderr))


@unittest.skipUnless(shutil.which("msgfmt") and shutil.which("xgettext"), "no gettext here")
class Translations(unittest.TestCase):
    maxDiff = None

    def listed(self):
        lines = text("po/POTFILES.in").splitlines()
        return [line for line in lines if line and not line.startswith("#")]

    def test_each_file_with_sentences_is_listed(self):
        found = [str(path) for path in ending(".c", ".h", ".js")
                 if path.parts[0] in ("core", "plugins") and path.name != "lectern-macros.h"
                 and not path.name.startswith("test-")
                 and TRANSLATED.search(re.sub(r"/\*.*?\*/", "", text(path), flags=re.DOTALL))]
        self.assertEqual(sorted(found), sorted(self.listed()))

    def test_each_catalogue_is_complete(self):
        with tempfile.TemporaryDirectory() as folder:
            template = pathlib.Path(folder, "lectern.pot")
            subprocess.run(["xgettext", "--from-code=UTF-8", "--keyword=_", "--keyword=N_",
                            "--keyword=C_:1c,2", "--keyword=ngettext:1,2", "-o", template,
                            *self.listed()],
                           cwd=ROOT, check=True, capture_output=True)
            for language in text("po/LINGUAS").split():
                catalogue = ROOT / "po" / f"{language}.po"
                with self.subTest(language):
                    done = subprocess.run(["msgfmt", "--check", "-o", os.devnull, catalogue],
                                          capture_output=True, text=True, check=False)
                    self.assertEqual((0, ""), (done.returncode, done.stderr))
                    done = subprocess.run(["msgcmp", catalogue, template], capture_output=True,
                                          text=True, check=False)
                    self.assertEqual((0, ""), (done.returncode, done.stderr))


class Documents(unittest.TestCase):
    maxDiff = None

    def test_configuration_is_what_the_program_prints(self):
        for language, name in [("C", "configuration.md")] + [
                (language, f"configuration.{language}.md")
                for language in text("po/LINGUAS").split()]:
            with self.subTest(name):
                done = subprocess.run([lectern_test.program(), "settings", "--markdown"],
                                      capture_output=True, text=True, check=True,
                                      env={**os.environ, "LANGUAGE": language,
                                           "LC_ALL": "C.UTF-8"})
                self.assertEqual(done.stdout, text(f"docs/{name}"), "run: ./dev docs")


lectern_test.main()
