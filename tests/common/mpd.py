# SPDX-License-Identifier: LGPL-2.1-or-later
"""An MPD, checked as it is read: what ISO/IEC 23009-1 asks of a live profile that we promise.

    now = Mpd(text)
    now.follows(before)    # nothing that was published has changed or vanished too early
"""

import datetime
import re
import urllib.parse
import xml.etree.ElementTree

NS = "{urn:mpeg:dash:schema:mpd:2011}"
ORDER = ["Location", "ServiceDescription", "Period", "UTCTiming"]


def seconds(text):
    """Of an xs:duration as we write it."""
    match = re.fullmatch(r"PT(\d+(?:\.\d+)?)S", text)
    assert match, f"a duration: {text}"
    return float(match[1])


def date(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text), f"a date: {text}"
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Representation:
    """Its segments as (number, ticks, duration)."""

    def __init__(self, element, period_start):
        template = element.find(NS + "SegmentTemplate")
        self.id = element.get("id")
        self.codecs = element.get("codecs")
        self.bandwidth = int(element.get("bandwidth"))
        self.size = (int(element.get("width", 0)), int(element.get("height", 0)))
        self.timescale = int(template.get("timescale"))
        self.offset = int(template.get("presentationTimeOffset", 0))
        self.initialization = template.get("initialization")
        self.media = template.get("media")
        assert "$Number$" in self.media, "media names the number"
        assert self.codecs and self.bandwidth > 0, "codecs and bandwidth"
        self.period_start = period_start
        self.segments = []
        number, time = int(template.get("startNumber")), None
        for entry in template.find(NS + "SegmentTimeline"):
            duration = int(entry.get("d"))
            assert duration > 0, "a segment lasts"
            begins = int(entry.get("t")) if entry.get("t") else time
            assert begins is not None, "the first S has a time"
            assert time is None or begins >= time, "segments do not overlap"
            time = begins
            for _ in range(int(entry.get("r", 0)) + 1):
                self.segments.append((number, time, duration))
                number, time = number + 1, time + duration

    def address(self, number):
        return self.media.replace("$Number$", str(number)).replace("$$", "$")

    def start(self, ticks):
        """On the MPD's time line, seconds."""
        return self.period_start + (ticks - self.offset) / self.timescale


class Mpd:
    def __init__(self, text):
        root = xml.etree.ElementTree.fromstring(text)
        assert root.tag == NS + "MPD"
        assert root.get("profiles") == "urn:mpeg:dash:profile:isoff-live:2011"
        self.dynamic = root.get("type") == "dynamic"
        self.attributes = dict(root.attrib)
        names = [child.tag.removeprefix(NS) for child in root]
        assert names == sorted(names, key=ORDER.index), f"elements in the schema's order: {names}"
        self.location = root.findtext(NS + "Location")
        self.max_segment = seconds(root.get("maxSegmentDuration"))
        assert seconds(root.get("minBufferTime")) > 0
        if self.dynamic:
            self.epoch = date(root.get("availabilityStartTime"))
            self.published = date(root.get("publishTime"))
            self.update = seconds(root.get("minimumUpdatePeriod"))
            self.delay = seconds(root.get("suggestedPresentationDelay"))
            self.depth = seconds(root.get("timeShiftBufferDepth"))
            timing = root.find(NS + "UTCTiming")
            assert timing.get("schemeIdUri") == "urn:mpeg:dash:utc:http-iso:2014"
            self.time_address = timing.get("value")
            assert "mediaPresentationDuration" not in root.attrib
        else:
            self.duration = seconds(root.get("mediaPresentationDuration"))
            assert "minimumUpdatePeriod" not in root.attrib
        self.periods = {}
        self.starts = {}
        last = -1.0
        for period in root.findall(NS + "Period"):
            start = seconds(period.get("start"))
            assert start > last, "Periods begin one after the other"
            last = start
            self.read_period(period, start)
        assert self.periods, "a Period"

    def read_period(self, period, start):
        found = {}
        kinds = []
        for adaptation in period.findall(NS + "AdaptationSet"):
            kinds.append(adaptation.get("contentType"))
            assert adaptation.get("mimeType") == adaptation.get("contentType") + "/mp4"
            for element in adaptation.findall(NS + "Representation"):
                representation = Representation(element, start)
                representation.kind = adaptation.get("contentType")
                representation.sap = adaptation.get("startWithSAP")
                for _, _, duration in representation.segments:
                    assert duration / representation.timescale <= self.max_segment + 1e-3, \
                        "a segment longer than maxSegmentDuration"
                assert representation.id not in found, "ids are unique"
                found[representation.id] = representation
        assert len(set(kinds)) == len(kinds), "one adaptation set of a kind"
        assert found, "a Period has something in it"
        self.periods[period.get("id")] = found
        self.starts[period.get("id")] = start

    def representations(self, name):
        return [period[name] for period in self.periods.values() if name in period]

    def numbers(self, name):
        return [number for representation in self.representations(name)
                for number, _, _ in representation.segments]

    def end(self):
        """Of the newest segment, seconds on the MPD's time line."""
        return max(r.start(r.segments[-1][1] + r.segments[-1][2])
                   for period in self.periods.values() for r in period.values())

    def follows(self, before):
        """This is a later MPD of the same presentation."""
        if self.dynamic:
            assert self.epoch == before.epoch, "availabilityStartTime never changes"
            assert self.published >= before.published, "publishTime only grows"
        for id_, old in before.periods.items():
            if id_ not in self.periods:
                continue
            for name, was in old.items():
                now = self.periods[id_].get(name)
                if now is None:
                    continue
                assert abs(now.start(0) - was.start(0)) < 1e-4, "the time line stays"
                if self.dynamic:
                    assert (now.offset, now.period_start) == (was.offset, was.period_start), \
                        "a Period stays where it is"
                assert now.initialization.split("?")[0] == was.initialization.split("?")[0]
                known = {number: rest for number, *rest in was.segments}
                for number, *rest in now.segments:
                    assert known.get(number, rest) == rest, f"segment {number} stays as it is"
        for name in {name for period in before.periods.values() for name in period}:
            if self.numbers(name):
                assert self.numbers(name)[0] >= before.numbers(name)[0], "nothing comes back"
                assert self.numbers(name)[-1] >= before.numbers(name)[-1], "nothing newest goes"
        return self


def resolve(base, address):
    return urllib.parse.urljoin(base, address)
