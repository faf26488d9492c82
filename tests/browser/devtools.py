"""How does a test look at a page as its reader does? Headless Chromium over the DevTools protocol.

Messages are JSON ended by NUL over two pipes (--remote-debugging-pipe: file descriptors 3 and 4 of the browser), so that
no port is open and Python's standard library is enough. Everything that the page does of itself is kept: requests, words
on the console, uncaught exceptions, complaints of the browser. (https://chromedevtools.github.io/devtools-protocol/)
Left out: other browsers, and pages that are not files of this machine.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

LIMIT_S = 180  # for an answer: what takes longer has hung


def find_browser():
    """Path of a Chromium, or None."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        path = shutil.which(name)
        if path:
            return path
    return None


def pipe():
    """A pipe whose ends are not 3 and 4, which the browser wants."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved


class Failure(Exception):
    """The browser or the page did not do what was asked."""


class Browser:
    """A headless Chromium with a profile of its own, ended with the block that it is used in."""

    def __init__(self, path):
        self.folder = tempfile.mkdtemp(prefix="dse-browser-")
        to_read, self.write = pipe()
        self.read, to_write = pipe()
        command = [path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--disable-extensions",
                   "--disable-sync", "--mute-audio", "--hide-scrollbars", "--user-data-dir=" + self.folder,
                   "--remote-debugging-pipe"]
        shell = f'exec 3<&{to_read} 4>&{to_write} {to_read}<&- {to_write}>&-; exec "$@"'
        self.process = subprocess.Popen(["bash", "-c", shell, "browser"] + command, pass_fds=(to_read, to_write),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        start_new_session=True)
        os.close(to_read)
        os.close(to_write)
        self.buffer = b""
        self.number = 0
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("Browser.close", limit_s=5)
        except (Failure, OSError):
            pass
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)  # its own session: nobody else is in it
            self.process.wait()
        os.close(self.write)
        os.close(self.read)
        shutil.rmtree(self.folder, ignore_errors=True)

    def receive(self, until):
        """The next message, or None at that time."""
        while b"\0" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.read], [], [], left)[0]:
                return None
            piece = os.read(self.read, 1 << 20)
            if not piece:
                raise Failure("the browser has gone")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, limit_s=LIMIT_S, **parameters):
        """Sends one command; its result. What happens meanwhile goes into self.events."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        bytes_left = json.dumps(message).encode() + b"\0"
        while bytes_left:
            bytes_left = bytes_left[os.write(self.write, bytes_left):]
        until = time.monotonic() + limit_s
        while True:
            answer = self.receive(until)
            if answer is None:
                raise Failure(f"{method}: no answer within {limit_s} s")
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise Failure(f"{method}: {answer['error'].get('message')}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def wait(self, method, session, limit_s=LIMIT_S):
        """Waits until an event has happened."""
        until = time.monotonic() + limit_s
        seen = 0
        while True:
            for event in self.events[seen:]:
                if event["method"] == method and event.get("sessionId") == session:
                    return event["params"]
            seen = len(self.events)
            event = self.receive(until)
            if event is None:
                raise Failure(f"{method}: did not happen within {limit_s} s")
            if "method" in event:
                self.events.append(event)


class Page:
    """One page in a browser, seen at one size, in one colour scheme, on a screen or on paper."""

    def __init__(self, browser, path, width=1280, height=900, dark=False, media="screen", phone=False, before=""):
        self.browser = browser
        browser.events.clear()
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.media(media, dark)
        violations = ("window.testViolations = []; document.addEventListener('securitypolicyviolation', e => "
                      "testViolations.push(e.violatedDirective + ' ' + e.blockedURI + ' ' + e.sample));")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=violations + before)
        self.call("Page.navigate", url="file://" + os.path.realpath(path))
        browser.wait("Page.loadEventFired", self.session)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.browser.call("Target.closeTarget", targetId=self.target)
        except Failure:
            pass

    def call(self, method, **parameters):
        return self.browser.call(method, session=self.session, **parameters)

    def media(self, media, dark):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def value(self, expression):
        """What an expression (or a promise) of the page is, as JSON."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise Failure(details.get("exception", {}).get("description", details["text"]) + " in " + expression[:120])
        return answer["result"].get("value")

    def until(self, expression, limit_s=15):
        """Waits for an expression to become true; whether it did."""
        end = time.monotonic() + limit_s
        while True:
            if self.value(expression):
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.05)

    def click(self, x, y, press=True):
        """A click of the mouse (or, without press, only the way there)."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased") if press else ():
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def drag(self, start, end):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=start[0], y=start[1])
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=start[0], y=start[1], button="left", clickCount=1)
        for step in range(1, 9):
            x, y = (a + (b - a) * step / 8 for a, b in zip(start, end))
            self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, button="left", buttons=1)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", x=end[0], y=end[1], button="left", clickCount=1)

    def key(self, name, code, text=""):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, windowsVirtualKeyCode=code,
                      **({"text": text} if text and kind == "keyDown" else {}))

    def screenshot(self, path, whole=True):
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole,
                         **({"clip": self.clip()} if whole else {}))["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def clip(self):
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 12000), "scale": 1}

    def pdf(self):
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])

    def words(self):
        """What the page said or did that a reader should never see: console, exceptions, requests, violations."""
        self.value("1")  # what is on its way has come
        found = []
        first = True
        for event in self.browser.events:
            method, about = event["method"], event.get("params", {})
            if event.get("sessionId") != self.session:
                continue
            if method == "Runtime.consoleAPICalled":
                found.append("console: " + " ".join(str(a.get("value", a.get("description"))) for a in about["args"]))
            elif method == "Runtime.exceptionThrown":
                details = about["exceptionDetails"]
                found.append("exception: " + details.get("exception", {}).get("description", details["text"]))
            elif method == "Log.entryAdded":
                found.append("log: " + about["entry"]["text"])
            elif method == "Page.javascriptDialogOpening":
                found.append("dialog: " + about["message"])
                self.call("Page.handleJavaScriptDialog", accept=True)
            elif method == "Network.requestWillBeSent":
                if first and about["request"]["url"].startswith("file:") and about["type"] == "Document":
                    first = False
                elif not about["request"]["url"].startswith("data:"):
                    found.append("request: " + about["request"]["url"][:200])
        return found + ["policy: " + words for words in self.value("window.testViolations || []")]
