# SPDX-License-Identifier: LGPL-2.1-or-later
"""Rows into tables (Markdown). Rows of one key are rounds: the tables hold their medians."""
import math
from statistics import median

FANOUT = ("| format | viewers | flush | server | s/GB | ± % | × floor | × floor, viewers alone | CPU % | delay p50 / p95 / p99 ms"
          " | first key p50 / p99 ms | lost | stalls | alive | delivered % | worst % | load CPU % | other CPU % |")


def number(value, digits=1):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:.{digits}f}"


def head(line):
    return [line, "|" + "---|" * (line.count("|") - 1)]


def group(rows, *keys):
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


def middle(rows, pick):
    values = [v for v in map(pick, rows) if v is not None]
    return median(values) if values else None


def half_range(rows, key):
    values = [row[key] for row in rows if row[key]]
    return 50 * (max(values) - min(values)) / median(values) if len(values) > 1 else None


def quantiles(rows, key, which):
    values = [middle(rows, lambda r, i=i: r[key][i] if r[key][i] >= 0 else None) for i in which]
    return " / ".join(number(v) for v in values)


def ratio(cost, floor):
    return number(cost / floor, 2) if cost and floor else "–"


def viewers_alone(rows):
    """CPU beyond what the stream takes with a single viewer."""
    return middle(rows, lambda r: r["cpu_percent"] - r["alone_percent"] if "alone_percent" in r else None)


def fanout(rows):
    lines = head(FANOUT)
    groups = group(rows, "kind", "viewers", "flush", "server")
    for (kind, viewers, flush, server), found in groups.items():
        cost = middle(found, lambda r: r["per_gb"])
        base = groups.get((kind, viewers, "frame" if flush == "-" else flush, "floor"))
        floor = middle(base, lambda r: r["per_gb"]) if base else None
        marginal = ratio(viewers_alone(found), viewers_alone(base)) if base else "–"
        plain = [middle(found, lambda r, k=k: r[k]) for k in
                 ("lost", "stalls", "alive", "delivered_percent", "worst_percent", "load_percent", "other_percent")]
        lines.append(f"| {kind} | {viewers} | {flush} | {server} | {number(cost, 3)}"
                     f" | {number(half_range(found, 'per_gb'), 0)} | {ratio(cost, floor)} | {marginal}"
                     f" | {number(middle(found, lambda r: r['cpu_percent']))}"
                     f" | {quantiles(found, 'delay_ms', (0, 1, 2))} | {quantiles(found, 'first_key_ms', (0, 2))}"
                     " | " + " | ".join(number(v, 0) for v in plain[:3])
                     + " | " + " | ".join(number(v) for v in plain[3:5])
                     + " | " + " | ".join(number(v, 0) for v in plain[5:]) + " |")
    return lines


def memory(rows):
    lines = head("| format | server | viewers, stopped | base MiB | first viewer KiB | KiB/viewer | KiB/viewer, stalled included |")
    for (kind, server, viewers, stopped), found in group(rows, "kind", "server", "viewers", "stopped").items():
        columns = [middle(found, lambda r, k=k: r[k]) for k in ("base_kib", "kib_first", "kib_viewer", "kib_stalled")]
        lines.append(f"| {kind} | {server} | {viewers}, {stopped} | {columns[0] / 1024:.1f} | {columns[1]:.0f}"
                     f" | {columns[2]:.2f} | {columns[3]:.2f} |")
    return lines


def rtsp(rows):
    lines = head("| transport | viewers | server | s/GB | × floor | × floor, viewers alone | CPU % | KiB/viewer"
                 " | delay p50 / p95 / p99 ms | first key p50 / p99 ms | lost | alive | delivered % | load CPU % |")
    groups = group(rows, "kind", "viewers", "server")
    for (kind, viewers, server), found in groups.items():
        cost = middle(found, lambda r: r["per_gb"])
        base = groups.get((kind, viewers, "floor"))
        floor = middle(base, lambda r: r["per_gb"]) if base else None
        marginal = ratio(viewers_alone(found), viewers_alone(base)) if base else "–"
        lost, alive, whole, load = [middle(found, lambda r, k=k: r[k])
                                    for k in ("lost", "alive", "delivered_percent", "load_percent")]
        lines.append(f"| {kind} | {viewers} | {server} | {number(cost, 3)} | {ratio(cost, floor)} | {marginal}"
                     f" | {number(middle(found, lambda r: r['cpu_percent']))}"
                     f" | {number(middle(found, lambda r: r['kib_viewer']))}"
                     f" | {quantiles(found, 'delay_ms', (0, 1, 2))} | {quantiles(found, 'first_key_ms', (0, 2))}"
                     f" | {number(lost, 0)} | {number(alive, 0)} | {number(whole)} | {number(load, 0)} |")
    return lines


def stalled(rows):
    lines = head("| format | server | viewers, stopped | p50 / p99 ms before | while stalled | after | lost | stalls"
                 " | KiB/viewer, stalled included | closed after s | CPU % | other CPU % |")
    for (kind, server, viewers, stopped), found in group(rows, "kind", "server", "viewers", "stopped").items():
        columns = [quantiles(found, key, (0, 2)) for key in ("delay_before_ms", "delay_ms", "delay_after_ms")]
        columns += [number(middle(found, lambda r, k=k: r[k]), d) for k, d in
                    (("lost", 0), ("stalls", 0), ("kib_viewer", 1), ("closed_after", 1), ("cpu_percent", 1),
                     ("other_percent", 0))]
        lines.append(f"| {kind} | {server} | {viewers}, {stopped} | " + " | ".join(columns) + " |")
    return lines


def idle(rows):
    lines = head("| idle | active | messages/s | server | CPU % | × floor | trip p50 / p95 / p99 ms | lost | KiB/socket | other CPU % |")
    groups = group(rows, "idle", "active", "rate", "server")
    for (idle_sockets, active, rate, server), found in groups.items():
        cost = middle(found, lambda r: r["cpu_percent"])
        floor = middle(groups.get((idle_sockets, active, rate, "floor"), []), lambda r: r["cpu_percent"])
        columns = [number(middle(found, lambda r, k=k: r[k]), d) for k, d in
                   (("lost", 0), ("kib_viewer", 1), ("other_percent", 0))]
        lines.append(f"| {idle_sockets} | {active} | {rate} | {server} | {number(cost, 2)} | {ratio(cost, floor)}"
                     f" | {quantiles(found, 'trip_ms', (0, 1, 2))} | " + " | ".join(columns) + " |")
    return lines


def reactors(rows):
    lines = head("| threads | format | viewers | s/GB | × one reactor | CPU % | delay p50 / p95 / p99 ms"
                 " | connections of each | lost | stalls | other CPU % |")
    groups = group(rows, "kind", "viewers", "threads")
    for (kind, viewers, threads), found in groups.items():
        cost = middle(found, lambda r: r["per_gb"])
        one = middle(groups.get((kind, viewers, 1), []), lambda r: r["per_gb"])
        columns = [number(middle(found, lambda r, k=k: r[k]), 0) for k in ("lost", "stalls", "other_percent")]
        lines.append(f"| {threads} | {kind} | {viewers} | {number(cost, 3)} | {ratio(cost, one)}"
                     f" | {number(middle(found, lambda r: r['cpu_percent']))} | {quantiles(found, 'delay_ms', (0, 1, 2))}"
                     f" | {', '.join(map(str, found[-1]['spread']))} | " + " | ".join(columns) + " |")
    return lines


def transcode(rows):
    lines = head("| who | CPU s for 1 s of the ladder | × ffmpeg bicubic | × ffmpeg bilinear | server itself, CPU % | other CPU % |")
    groups = group(rows, "server")
    cost = {who: middle(found, lambda r: r["cpu_per_second"]) for (who,), found in groups.items()}
    for (who,), found in groups.items():
        own = middle(found, lambda r: r.get("server_per_second"))
        lines.append(f"| {who} | {number(cost[who], 3)} | {ratio(cost[who], cost.get('ffmpeg bicubic'))}"
                     f" | {ratio(cost[who], cost.get('ffmpeg bilinear'))} | {number(own and 100 * own)}"
                     f" | {number(middle(found, lambda r: r['other_percent']), 0)} |")
    return lines


def quality(rows):
    lines = head("| clip | profile | limit kbit/s | kbit/s | SSIM | plain at that SSIM, kbit/s | saved % |")
    for (clip, profile, limit), found in group(rows, "clip", "profile", "limit").items():
        spent, plain = (middle(found, lambda r, k=k: r[k]) for k in ("kbits", "plain_kbits"))
        saved = number(100 * (1 - spent / plain), 0) if plain else "–"
        lines.append(f"| {clip} | {profile} | {limit} | {number(spent, 0)} | {number(middle(found, lambda r: r['ssim']), 4)}"
                     f" | {number(plain, 0)} | {saved} |")
    return lines


def hls(rows):
    lines = head("| what | connections | server | requests/s | CPU µs/request | s/GB | × nginx | first to last answer ms, worst |")
    groups = group(rows, "what", "connections", "server")
    for (what, connections, server), found in groups.items():
        cost = middle(found, lambda r: r.get("cpu_us"))
        nginx = middle(groups.get((what, connections, "nginx"), []), lambda r: r.get("cpu_us"))
        columns = [number(middle(found, lambda r, k=k: r.get(k)), d) for k, d in (("requests_s", 0), ("cpu_us", 1), ("per_gb", 3))]
        spread = [number(middle(found, lambda r, k=k: r.get(k)), 0) for k in ("spread_ms", "spread_worst_ms")]
        lines.append(f"| {what} | {connections} | {server} | " + " | ".join(columns)
                     + f" | {ratio(cost, nginx)} | {', '.join(spread)} |")
    return lines


TABLES = (("fanout", "Fan-out", fanout), ("memory", "Memory", memory), ("stalled", "Viewers that stop reading", stalled),
          ("idle", "WebSockets", idle), ("reactors", "Reactors", reactors), ("hls", "HLS", hls), ("rtsp", "RTSP", rtsp),
          ("transcode", "Transcoding", transcode), ("quality", "Bit rate at equal SSIM", quality))


def show(rows):
    parts = []
    for mode, title, make in TABLES:
        found = [row for row in rows if row["mode"] == mode]
        if found:
            parts.append("\n".join([f"### {title}", "", *make(found)]))
    return "\n\n".join(parts)
