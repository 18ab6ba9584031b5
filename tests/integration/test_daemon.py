# SPDX-License-Identifier: LGPL-2.1-or-later
"""The program: its subcommands, exit codes, signals and reloads."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

import lectern_test

FAKES = str(lectern_test.BUILD_DIR / "tests/plugins/fake")
REFUSED = str(lectern_test.BUILD_DIR / "tests/plugins/refused")
OK, FAILED, USAGE, CONFIG, IN_USE, DAMAGED = range(6)


def lectern(*words, env=None, cwd=None, timeout=20):
    return subprocess.run(
        [lectern_test.program(), *words], env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
        cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
        timeout=timeout * lectern_test.PATIENCE)


class Case(lectern_test.TestCase):
    """Servers with modules of the tests have no settings of ours."""

    def setUp(self):
        self.folder = lectern_test.temporary_directory()
        self.conf = self.folder / "lectern.conf"

    def server(self, *args, settings=None, env=None, **options):
        others = ({"rtmp.listen": None, "rtsp.listen": None}
                  if "LECTERN_PLUGIN_PATH" in (env or {}) else {})
        return super().server(*args, settings={**others, **(settings or {})}, env=env, **options)

    def serve(self, *words, env=None):
        """Runs a server that is expected to end by itself."""
        doors = [] if "LECTERN_PLUGIN_PATH" in (env or {}) else [
            "--set=rtmp.listen=127.0.0.1:0", "--set=rtsp.listen=127.0.0.1:0"]
        return lectern("serve", f"--set=server.state-dir={self.folder}/state",
                       "--set=http.listen=127.0.0.1:0", *doors, *words, env=env)


class Usage(Case):
    def test_without_a_command_the_usage_is_an_error(self):
        done = lectern()
        self.assertEqual((done.returncode, done.stdout), (USAGE, ""))
        self.assertIn("Usage:", done.stderr)
        self.assertIn("serve", done.stderr)

    def test_help_and_version_succeed(self):
        for words in (["--help"], ["--version"], ["serve", "--help"], ["key", "--help"]):
            with self.subTest(words):
                done = lectern(*words)
                self.assertEqual((done.returncode, done.stderr), (OK, ""))
                self.assertIn("lectern", done.stdout)

    def test_wrong_words_are_usage_errors(self):
        for words in (["fly"], ["--fly"], ["serve", "--fly"], ["serve", "away"], ["check", "x"],
                      ["key"], ["key", "old", "x"], ["settings", "no-such-group"], ["serve", "-c"]):
            with self.subTest(words):
                self.assertEqual(lectern(*words).returncode, USAGE)


class Configuration(Case):
    def check(self, *words, env=None):
        return lectern("check", "-c", str(self.conf), *words, env=env)

    def assert_refused(self, done, *parts):
        self.assertEqual(done.returncode, CONFIG, done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)

    def test_a_right_file_is_right(self):
        self.conf.write_text("[server]\ndrain-timeout = 3s\n", encoding="utf-8")
        done = self.check()
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertIn(str(self.conf), done.stdout)

    def test_errors_name_file_line_and_remedy(self):
        for text, line, parts in (
                ("[server]\nthraeds = 2\n", 2, ["thraeds", "'threads'"]),
                ("[sever]\nthreads = 2\n", None, ["sever", "'server'"]),
                ("[server]\n\nthreads = many\n", 3, ["threads", "0 … 256"]),
                ("[server]\nthreads = 257\n", 2, ["threads", "0 … 256"]),
                ("[http]\nhead-timeout = 5\n", 2, ["head-timeout"]),
                ("[plugins]\nstatz = true\n", 2, ["statz", "'stats'"])):
            with self.subTest(text):
                self.conf.write_text(text, encoding="utf-8")
                place = f"{self.conf}:{line}:" if line else f"{self.conf}:"
                self.assert_refused(self.check(), place, *parts)
                self.assert_refused(self.serve("-c", str(self.conf)), place, *parts)

    def test_a_missing_file_is_an_error_when_named(self):
        self.assert_refused(self.check(), str(self.conf))

    def test_the_last_place_wins(self):
        fragments = self.folder / "lectern.conf.d"
        fragments.mkdir()
        wrong = "[server]\nrequired = {}\n"  # the name that wins is told, as it does not exist

        def winner(*words, env=None):
            done = self.check(*words, env=env)
            self.assertEqual(done.returncode, CONFIG)
            return done.stderr.split("'")[1]
        self.conf.write_text(wrong.format("file"), encoding="utf-8")
        self.assertEqual(winner(), "file")
        (fragments / "20-b.conf").write_text(wrong.format("second"), encoding="utf-8")
        (fragments / "10-a.conf").write_text(wrong.format("first"), encoding="utf-8")
        (fragments / "99.conf.bak").write_text(wrong.format("backup"), encoding="utf-8")
        self.assertEqual(winner(), "second")
        env = {"LECTERN_SERVER_REQUIRED": "environment"}
        self.assertEqual(winner(env=env), "environment")
        self.assertEqual(winner("--set", "server.required=one", "--set", "server.required=two",
                                env=env), "two")

    def test_an_error_in_a_fragment_names_the_fragment(self):
        fragments = self.folder / "lectern.conf.d"
        fragments.mkdir()
        self.conf.write_text("", encoding="utf-8")
        (fragments / "a.conf").write_text("# one\n[media]\ngrace = -1s\n", encoding="utf-8")
        self.assert_refused(self.check(), f"{fragments}/a.conf:3:", "grace", "0s … 10m")

    def test_wrong_overrides_are_refused(self):
        self.conf.write_text("", encoding="utf-8")
        for word in ("server.threads", "threads=1", "server.threads=x", "server.thread=1", "=", "."):
            with self.subTest(word):
                self.assert_refused(self.check("--set", word))
        self.assert_refused(self.check(env={"LECTERN_SERVER_THREADS": "x"}), "environment: [server]",
                            "0 … 256")

    def test_a_key_that_others_can_read_is_refused(self):
        certificate, key = lectern_test.certificate()
        loose = self.folder / "loose.pem"
        loose.write_bytes(pathlib.Path(key).read_bytes())
        loose.chmod(0o644)
        done = self.serve(f"--set=server.certificate={certificate}",
                          f"--set=server.certificate-key={loose}")
        self.assert_refused(done, str(loose))

    def test_a_certificate_needs_its_key(self):
        certificate, _ = lectern_test.certificate()
        self.assert_refused(self.serve(f"--set=server.certificate={certificate}"), "certificate-key")


class Listing(Case):
    def test_settings_are_printed_with_type_range_default_and_sentence(self):
        done = lectern("settings", "server")
        self.assertEqual(done.returncode, OK)
        self.assertIn("threads (integer 0 … 256; default: 0)", done.stdout)
        self.assertIn("Threads that serve connections", done.stdout)
        self.assertNotIn("[http]", done.stdout)
        everything = lectern("settings").stdout
        for group in ("server", "http", "access", "media", "example"):
            self.assertIn(f"[{group}]\n", everything)

    def test_settings_make_tables(self):
        done = lectern("settings", "--markdown")
        self.assertEqual(done.returncode, OK)
        self.assertIn("## [media]\n", done.stdout)
        rows = [line for line in done.stdout.splitlines() if line.startswith("| `")]
        self.assertGreater(len(rows), 20)
        for row in rows:
            self.assertIn(row.replace("\\|", "").count("|"), (4, 6), row)

    def test_plugins_are_listed(self):
        done = lectern("plugins", env={"LECTERN_PLUGIN_PATH": f"{FAKES}:{REFUSED}"})
        self.assertEqual(done.returncode, OK)
        lines = {line.split()[0]: line.split(None, 3)[1:] for line in done.stdout.splitlines()}
        self.assertEqual(lines["good"], ["1", "disabled", "For tests"])
        self.assertEqual(lines["wrong-abi"][:2], ["-", "refused"])
        self.assertIn("plugin interface 999", lines["wrong-abi"][2])

    def test_plugins_are_listed_as_json(self):
        done = lectern("plugins", "--json", "--set=plugins.good=true",
                       env={"LECTERN_PLUGIN_PATH": f"{FAKES}:{REFUSED}"})
        plugins = {plugin["name"]: plugin for plugin in json.loads(done.stdout)}
        self.assertEqual(plugins["good"]["state"], "enabled")
        self.assertIsNone(plugins["good"]["error"])
        self.assertEqual(plugins["no-note"]["state"], "refused")
        self.assertIn("no plugin note", plugins["no-note"]["error"])

    def test_folders_may_be_relative(self):
        """To where the program is started."""
        folder = os.path.relpath(FAKES, self.folder)
        for words, env in (([], {"LECTERN_PLUGIN_PATH": f"none:{folder}"}),
                           ([f"--set=server.plugin-path={folder}/"], {})):
            done = lectern("plugins", "--json", *words, env=env, cwd=self.folder)
            self.assertEqual((done.returncode, done.stderr), (OK, ""))
            paths = {plugin["name"]: plugin["path"] for plugin in json.loads(done.stdout)}
            self.assertEqual(paths["good"], os.path.join(FAKES, "good.so"))

    def test_a_setting_adds_folders_with_plugins(self):
        self.conf.write_text(f"[server]\nplugin-path = {FAKES}\n[good]\nword = x\n", encoding="utf-8")
        for words in (["-c", str(self.conf)], [f"--set=server.plugin-path={FAKES}"]):
            done = lectern("plugins", *words)
            self.assertEqual(done.returncode, OK, done.stderr)
            names = [line.split()[0] for line in done.stdout.splitlines()]
            self.assertIn("good", names)
            self.assertIn("example", names)


class Keys(Case):
    def key(self, *words):
        return lectern("key", *words, f"--set=server.state-dir={self.folder}/state")

    def test_a_key_is_printed_once(self):
        done = self.key("new", "physics")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertRegex(done.stdout, r"\A[A-Za-z0-9_-]{43}\n\Z")
        again = self.key("new", "live/physics", "--replace")
        self.assertNotEqual(done.stdout, again.stdout)
        stored = (self.folder / "state/core.db").read_bytes()
        self.assertNotIn(done.stdout.strip().encode(), stored)
        self.assertEqual((self.folder / "state").stat().st_mode & 0o777, 0o750)

    def test_a_wrong_name_is_refused(self):
        for name in ("", "a b", "../x", "a/b/c", "x" * 300):
            with self.subTest(name):
                done = self.key("new", name)
                self.assertEqual((done.returncode, done.stdout), (FAILED, ""))

    def test_keys_can_be_made_while_the_server_runs(self):
        server = self.server()
        self.assertRegex(server.run("key", "new", "chemistry").stdout, r"\A[A-Za-z0-9_-]{43}\n\Z")


class Start(Case):
    def test_a_port_in_use_is_named_quickly(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            began = time.monotonic()
            done = self.serve(f"--set=http.listen=127.0.0.1:{port}")
            took = time.monotonic() - began
        self.assertEqual(done.returncode, IN_USE, done.stderr)
        self.assertIn(f"127.0.0.1:{port}", done.stderr)
        self.assertLess(took, 3 * lectern_test.PATIENCE)

    def test_a_plugins_port_in_use_is_named_too(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            done = self.serve("--set=plugins.rich=true", f"--set=rich.listen=127.0.0.1:{port}",
                              env={"LECTERN_PLUGIN_PATH": FAKES})
        self.assertEqual(done.returncode, IN_USE, done.stderr)
        self.assertIn(f"plugin 'rich': ", done.stderr)
        self.assertIn(f"127.0.0.1:{port}", done.stderr)

    def test_damaged_data_has_its_own_exit_code(self):
        state = self.folder / "state"
        state.mkdir()
        (state / "core.db").write_bytes(b"this is no database" * 1000)
        done = self.serve()
        self.assertEqual(done.returncode, DAMAGED, done.stderr)
        self.assertIn("core.db", done.stderr)

    def test_a_second_server_in_the_same_place_is_refused(self):
        server = self.server()
        done = lectern("serve", f"--set=server.state-dir={server.state_dir}/state",
                       "--set=http.listen=127.0.0.1:0")
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("another server uses", done.stderr)

    def test_the_ready_file_names_every_listener(self):
        server = self.server(settings={"http.listen": "127.0.0.1:0;127.0.0.1:0",
                                       "plugins.rich": "true"},
                             env={"LECTERN_PLUGIN_PATH": FAKES})
        listeners = json.loads(server.ready_path.read_text(encoding="utf-8"))
        self.assertEqual(sorted(listeners), ["http", "rich"])
        self.assertEqual(len(listeners["http"].split(";")), 2)
        for address in (listeners["rich"], *listeners["http"].split(";")):
            host, _, port = address.rpartition(":")
            socket.create_connection((host, int(port)), 5).close()

    def test_the_service_manager_is_told(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            path = str(self.folder / "notify")
            manager.bind(path)
            manager.settimeout(10 * lectern_test.PATIENCE)
            server = self.server(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "100000"})
            self.assertEqual(manager.recv(4096), b"READY=1")
            self.assertEqual(manager.recv(4096), b"WATCHDOG=1")
            server.signal(signal.SIGHUP)
            seen = []
            while b"READY=1" not in seen:
                seen.append(manager.recv(4096))
            self.assertTrue(any(text.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for text in seen))
            server.stop()
            manager.settimeout(1)
            while True:
                text = manager.recv(4096)
                if text == b"STOPPING=1":
                    break


class Plugins(Case):
    """O-07: what is wrong with a plugin is named, and the server goes on unless it is required."""

    def test_refused_modules_do_not_stop_the_server(self):
        proof = self.folder / "proof"
        server = self.server(env={"LECTERN_PLUGIN_PATH": REFUSED, "LECTERN_TEST_PROOF": str(proof)},
                             allow=[r"plugin '"])
        log = server.log()
        for name, reason in (("wrong-abi", "plugin interface 999"), ("no-note", "no plugin note"),
                             ("missing-symbol", "lectern_test_no_such_function"),
                             ("misnamed", "'another'"), ("wrong-size", "descriptor is wrong"),
                             ("wrong-setting", "'number'")):
            self.assertRegex(log, rf"plugin '{name}' \(.*/{name}\.so\): .*{reason}.*goes on without")
        server.stop()
        self.assertFalse(proof.exists())

    def test_failing_plugins_do_not_stop_the_server(self):
        names = ("failing", "silent", "lonely", "circle-a", "circle-b", "good")
        server = self.server(settings={f"plugins.{name}": "true" for name in names},
                             env={"LECTERN_PLUGIN_PATH": FAKES}, allow=[r"plugin '"])
        log = server.log()
        self.assertIn("plugin 'failing': I was built to fail", log)
        self.assertIn("plugin 'silent': start failed without an error", log)
        self.assertIn("plugin 'lonely': it needs 'no-such-plugin', which is not there", log)
        self.assertIn("circle-a → circle-b → circle-a", log)
        self.assertRegex(log, r"plugins: good\n")

    def test_required_plugins_do(self):
        for words, code, text in (
                (["--set=plugins.failing=true", "--set=server.required=failing"], FAILED,
                 "plugin 'failing': I was built to fail"),
                (["--set=server.required=good"], CONFIG, "'good' stands in [server] required"),
                (["--set=server.required=nobody"], CONFIG, "'nobody' stands in [server] required")):
            with self.subTest(words):
                done = self.serve(*words, env={"LECTERN_PLUGIN_PATH": FAKES})
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(text, done.stderr)


class Status(Case):
    def test_the_running_server_is_asked(self):
        server = self.server(settings={"http.listen": "0.0.0.0:0"})
        self.assertRegex(server.run("status").stdout, r"\ALectern \d+\.\d+\.\d+, up \d+ s")
        self.assertEqual(json.loads(server.run("status", "--json").stdout)["publishers"], 0)

    def test_no_server_is_an_error(self):
        done = lectern("status", f"--set=server.state-dir={self.folder}")
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("no server runs", done.stderr)

    def test_a_server_without_the_plugin_is_named(self):
        server = self.server(settings={"plugins.stats": "false"})
        done = server.run("status", check=False)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("answers 404", done.stderr)


class Stop(Case):
    """O-03"""

    def hold(self, server):
        """A connection in the middle of a request, which a drain waits for."""
        raw = lectern_test.Raw(server.http_port)
        raw.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
        self.addCleanup(raw.close)
        wanted = lambda: server.connections() >= 1
        server.connections = lambda: sum(
            f":{server.http_port:04X} " in line and " 01 " in line
            for line in pathlib.Path(f"/proc/{server.pid}/net/tcp").read_text("ascii").splitlines())
        lectern_test.wait_for(wanted, 5, "the connection")
        return raw

    def wait(self, server):
        began = time.monotonic()
        code = server.process.wait(30 * lectern_test.PATIENCE)
        server.process = None
        return code, time.monotonic() - began

    def test_idle_connections_do_not_delay(self):
        server = self.server()
        with lectern_test.Raw(server.http_port) as raw:
            raw.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").answer()
            server.signal(signal.SIGTERM)
            code, took = self.wait(server)
            self.assertEqual((code, raw.everything()), (0, b""))
        self.assertLess(took, 3 * lectern_test.PATIENCE)

    def test_a_drain_ends_in_time(self):
        server = self.server(settings={"server.drain-timeout": "1s", "http.head-timeout": "5m"})
        self.hold(server)
        server.signal(signal.SIGINT)
        code, took = self.wait(server)
        self.assertEqual(code, 0)
        self.assertLess(took, 4 * lectern_test.PATIENCE)

    def test_a_request_that_came_before_is_answered(self):
        server = self.server(settings={"server.drain-timeout": "10s"})
        raw = self.hold(server)
        server.signal(signal.SIGTERM)
        server.wait_log("stopping")
        raw.send(b"\r\n")
        status, headers = raw.head()
        self.assertEqual((status, headers.get("connection", "").lower()), (200, "close"))
        code, took = self.wait(server)
        self.assertEqual(code, 0)
        self.assertLess(took, 9)

    def test_nothing_is_accepted_meanwhile(self):
        server = self.server(settings={"server.drain-timeout": "10s"})
        port = server.http_port
        raw = self.hold(server)
        server.signal(signal.SIGTERM)
        server.wait_log("stopping")
        def refused():
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
                return False
            except ConnectionRefusedError:
                return True
        lectern_test.wait_for(refused, 5, "the port to be closed")
        raw.close()
        self.assertEqual(self.wait(server)[0], 0)

    def test_the_second_signal_ends_at_once(self):
        server = self.server(settings={"server.drain-timeout": "5m", "http.head-timeout": "5m"})
        self.hold(server)
        server.signal(signal.SIGTERM)
        server.wait_log("stopping")
        server.signal(signal.SIGTERM)
        code, took = self.wait(server)
        self.assertEqual(code, 0)
        self.assertLess(took, 2 * lectern_test.PATIENCE)


    @unittest.skipUnless(shutil.which("ffmpeg"), "no ffmpeg here")
    def test_publishers_and_viewers_are_told(self):
        server = self.server(settings={"server.drain-timeout": "20s"})
        with lectern_test.ffmpeg_push(server.push_url("live/a")) as push:
            server.wait_live("live/a")
            with lectern_test.Raw(server.http_port) as raw:
                raw.send(b"GET /live/a.flv HTTP/1.1\r\nHost: x\r\n\r\n").head()
                self.assertEqual(raw.exactly(3), b"FLV")
                server.signal(signal.SIGTERM)
                raw.everything()
            code, took = self.wait(server)
            push.wait()
        self.assertEqual(code, 0)
        self.assertLess(took, 6 * lectern_test.PATIENCE)


class Reload(Case):
    def reload(self, server, text, log):
        count = server.log().count(log)
        server.config_path.write_text(text, encoding="utf-8")
        server.signal(signal.SIGHUP)
        lectern_test.wait_for(lambda: server.log().count(log) > count, 10, f"'{log}' in the log")

    TAKEN = "read again and are in force"
    KEPT = "the settings stay as they were"

    def greet(self, server):
        return server.request("GET", "/example/hello")[2]

    def test_a_right_file_is_taken(self):
        server = self.server("[plugins]\nexample = true\n[example]\ngreeting = one\n")
        self.assertEqual(self.greet(server), b"one")
        self.reload(server, "[plugins]\nexample = true\n[example]\ngreeting = two\n", self.TAKEN)
        self.assertEqual(self.greet(server), b"two")

    def test_a_wrong_file_changes_nothing_and_is_named(self):
        server = self.server("[plugins]\nexample = true\n[example]\ngreeting = one\n",
                             allow=[self.KEPT])
        self.reload(server, "[plugins]\nexample = true\n[example]\ngreeting = two\nx = y\n", self.KEPT)
        self.assertEqual(self.greet(server), b"one")
        self.assertIn(f"{server.config_path}:5:", server.log())

    def test_plugins_come_and_go(self):
        server = self.server("")
        self.assertEqual(server.request("GET", "/example/hello")[0], 404)
        self.reload(server, "[plugins]\nexample = true\n", self.TAKEN)
        self.assertEqual(server.request("GET", "/example/hello")[0], 200)
        self.reload(server, "", self.TAKEN)
        self.assertEqual(server.request("GET", "/example/hello")[0], 404)

    def test_what_needs_a_restart_is_named(self):
        server = self.server("")
        self.reload(server, "[http]\nheaders = 50\n[rtmp]\nlisten-tls = 127.0.0.1:0\n", self.TAKEN)
        for key in (r"\[http\] headers", r"\[rtmp\] listen-tls"):
            self.assertRegex(server.log(), key + " has changed and needs a restart")

    def test_the_command_checks_first_and_finds_the_server(self):
        server = self.server("[plugins]\nexample = true\n")
        server.config_path.write_text("[plugins]\nexample = maybe\n", encoding="utf-8")
        self.assertEqual(server.run("reload", check=False).returncode, CONFIG)
        server.config_path.write_text("[plugins]\nexample = true\n[example]\ngreeting = new\n",
                                      encoding="utf-8")
        server.run("reload")
        server.wait_log(self.TAKEN)
        self.assertEqual(self.greet(server), b"new")
        self.assertNotIn(self.KEPT, server.log())

    def test_the_command_says_when_no_server_runs(self):
        done = lectern("reload", f"--set=server.state-dir={self.folder}")
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("no server runs", done.stderr)
        (self.folder / "lectern.pid").write_text(f"{os.getpid()}\n", encoding="ascii")
        done = lectern("reload", f"--set=server.state-dir={self.folder}")
        self.assertEqual(done.returncode, FAILED)

    def test_many_reloads_under_load_leak_nothing(self):
        """O-05"""
        right = ["[plugins]\nexample = true\n[example]\ngreeting = {}\n".format("x" * n)
                 for n in (10, 2000)]
        wrong = right[0] + "colour = red\n"
        server = self.server(right[0], settings={"server.connects-per-address": "0"},
                             allow=[self.KEPT])
        stop, failures = threading.Event(), []

        def load():
            while not stop.is_set():
                try:
                    status, _, body = server.request("GET", "/example/hello")
                    if status != 200 or body.strip(b"x") != b"":
                        failures.append((status, body))
                except OSError as error:
                    failures.append(error)
        worker = threading.Thread(target=load)
        worker.start()
        self.addCleanup(worker.join)
        self.addCleanup(stop.set)
        sizes = []
        for count in range(200):
            if count % 2:
                self.reload(server, wrong, self.KEPT)
            else:
                self.reload(server, right[count // 2 % 2], self.TAKEN)
            if count in (49, 199):
                sizes.append(server.rss())
        stop.set()
        worker.join()
        self.assertEqual(failures, [])
        if "ASAN_OPTIONS" not in os.environ or not self.sanitized():
            self.assertLess(sizes[1] - sizes[0], 1 << 20)

    @staticmethod
    def sanitized():
        return b"__asan_init" in pathlib.Path(lectern_test.program()).read_bytes()


lectern_test.main()
