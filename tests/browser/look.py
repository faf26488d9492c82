"""Is a report's page fit for its readers? Clicks through it as they would, in a real browser.

    look.py PAGE.html... [--front FRONT.csv] [--command FILE] [--pictures FOLDER] [--must-show FILE]

Each page is looked at light, dark, on a phone and on paper (audit.js judges), then used: axes are chosen, designs opened by
mouse and keys, axes brushed, schedules zoomed, folded parts opened, the theme switched. Nothing may be requested, thrown,
or said on the console. --front: the panel of a clicked design must show that row of front.csv and its command, which is
left in the file named by --command. --must-show: texts, one a line, that must stand on the page as they are and must
not have run. --pictures keeps screenshots for people. --briefly: in the light, without using anything. The last line is `N passed, M failed`. Left out: what looks good.
"""

import argparse
import csv
import json
import os
import sys
import time

import devtools

LEAST_PX, LEAST_ON_PAPER_PX = 10, 8  # of texts; ticks of charts and columns of wide tables are the smallest
WIDE, PHONE = dict(width=1280, height=900), dict(width=360, height=740, phone=True)

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "audit.js"), encoding="utf-8") as file:
    AUDIT = file.read()

READY = "[...document.querySelectorAll('.chart')].every(e => e.dataset.ready === '1')"
BOX = """(s => { const e = document.querySelector(s); e.scrollIntoView({block: 'center', behavior: 'instant'});
  const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })"""


class Cases:
    """Counts what held and what did not."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, name, good, more=""):
        if good:
            self.passed += 1
            return
        self.failed += 1
        print("FAILED:", name)
        for line in more.splitlines()[:12] if isinstance(more, str) else [str(m) for m in more[:12]]:
            print("    " + line[:300])


def box(page, selector):
    return page.value(BOX + "(" + json.dumps(selector) + ")")


def has(page, selector):
    return page.value(f"document.querySelector({json.dumps(selector)}) !== null")


def press(page, selector):
    """A click into the middle of an element."""
    x, y, width, height = box(page, selector)
    page.click(x + min(width / 2, 60), y + height / 2)


def faults(page, least_px=LEAST_PX):
    return page.value("(" + AUDIT[AUDIT.index("function audit"):] + ")" + f"(window.dseReport?.charts ?? {{}}, {least_px})")


def unfold(page):
    page.value("document.querySelectorAll('details').forEach(d => { d.open = true; })")


def look(cases, page, name, unfolded=True):
    """Ready, readable, and quiet."""
    page.value("document.documentElement.style.scrollBehavior = 'auto'")  # so that places stay where they are
    cases.check(f"{name}: all charts are drawn", page.until(READY))
    found = faults(page)
    cases.check(f"{name}: readable", not found, found)
    if unfolded:
        unfold(page)
        found = faults(page)
        cases.check(f"{name}: readable with everything unfolded", not found, found)


# --- the front ---------------------------------------------------------------------------------------------------------

# Marks of the front that no other covers, spread over it: each with its place on the screen and its two measures.
MARKS = """(n => { const chart = dseReport.charts.front, option = chart.getOption();
  const at = option.series.findIndex(s => s.type === 'scatter' && !['evaluated', 'best', 'open'].includes(s.name));
  const data = option.series[at].data, b = chart.getDom().getBoundingClientRect(), all = [];
  for (let i = 0; i < data.length / 3; i++) {
    const [x, y] = chart.convertToPixel({seriesIndex: at}, [data[3 * i], data[3 * i + 1]]);
    all.push([b.x + x, b.y + y, data[3 * i], data[3 * i + 1]]);
  }
  const alone = all.filter(p => all.every(q => q === p || Math.hypot(p[0] - q[0], p[1] - q[1]) > 14));
  const some = alone.length ? alone : all;
  return [...Array(Math.min(n, some.length)).keys()].map(k => some[Math.floor(k * some.length / Math.min(n, some.length))]);
})(3)"""


def same_float(text, shown):
    return text not in ("", None) and abs(float(text) - shown) <= 1e-6 * abs(shown) + 1e-12


def front_row(rows, names, x, y):
    """Rows of front.csv at this place of the chart."""
    return [row for row in rows if same_float(row.get(names[0]), x) and same_float(row.get(names[1]), y)]


def use_front(cases, page, name, rows):
    cases.check(f"{name}: no design is open before a click", page.value("document.querySelector('#design').hidden"))
    commands = []
    page.value("(e => { e.value = -1; e.dispatchEvent(new Event('change')); })(document.querySelector('#front-colour'))")
    box(page, "#chart-front")
    for k, (x, y, value_x, value_y) in enumerate(page.value(MARKS)):
        top = box(page, "#chart-front")[1]
        if k == 0:
            first = top
        y += top - first  # the page may have moved
        page.click(x, y)
        page.value("new Promise(done => setTimeout(done, 120))")
        text = page.value("document.querySelector('#design').hidden ? '' : document.querySelector('#design').innerText")
        cases.check(f"{name}: a click on mark {k} opens a design", text)
        if not text or rows is None:
            continue
        axes = [page.value(f"document.querySelector('#front-{a}').selectedOptions[0].textContent") for a in "xy"]
        fits = [row for row in front_row(rows, axes, value_x, value_y) if row["design"] in text]
        cases.check(f"{name}: mark {k} opens the design that lies there", fits, f"{axes} {value_x} {value_y}\n{text}")
        command = page.value("document.querySelector('#design code')?.textContent ?? ''")
        pairs = dict(pair.split("=") for pair in command.split("--design ")[-1].split(",") if "=" in pair)
        good = fits and pairs and all(fits[0].get(key) == value for key, value in pairs.items())
        cases.check(f"{name}: mark {k} shows its command", good, command)
        if good:
            commands.append((command, fits[0]))
    for select in ("#front-x", "#front-y", "#front-colour", "#front-size"):
        if not has(page, select):
            continue
        n = page.value(f"document.querySelector('{select}').options.length")
        for i in range(n):
            page.value(f"(e => {{ e.selectedIndex = {i}; e.dispatchEvent(new Event('change', {{bubbles: true}})); }})"
                       f"(document.querySelector('{select}'))")
        found = faults(page)
        cases.check(f"{name}: {select} takes each of its {n} choices", n > 1 and not found, found)
    return commands


def walk_front(cases, page, name):
    """Arrows walk along the designs, Enter opens one, Escape closes it."""
    page.value("document.querySelector('#chart-front').focus()")
    for key, code in (("ArrowRight", 39), ("ArrowRight", 39), ("Enter", 13)):
        page.key(key, code)
    cases.check(f"{name}: keys open a design", not page.value("document.querySelector('#design').hidden"))
    page.value("document.querySelector('#chart-front').focus()")
    page.key("Escape", 27)
    cases.check(f"{name}: Escape closes it", page.value("document.querySelector('#design').hidden"))


# --- other charts ------------------------------------------------------------------------------------------------------

ROWS_SHOWN = "[...document.querySelectorAll('#front tbody tr')].filter(t => !t.hidden).length"
# The ends of the axis of parallel coordinates that has most values, on the screen.
AXIS = """(() => { const chart = dseReport.charts.parallel, model = chart.getModel();
  const system = model.getComponent('parallel').coordinateSystem, b = chart.getDom().getBoundingClientRect();
  let best = null, most = -1;
  model.eachComponent('parallelAxis', a => {
    const n = new Set(chart.getOption().series.flatMap(s => s.data ?? []).map(d => (d.value ?? d)[a.option.dim])).size;
    if (n > most) { most = n; best = a; }
  });
  const layout = system.getAxisLayout(best.option.dim ?? 0) ?? system.getAxisLayout('dim' + best.option.dim);
  const [from, to] = best.axis.getExtent(), at = v => {
    const angle = layout.rotation, [x, y] = layout.position;
    return [b.x + x + v * Math.cos(angle), b.y + y - v * Math.sin(angle)]; };
  return [at(from + 0.02 * (to - from)), at(from + 0.4 * (to - from))]; })()"""


def brush(cases, page, name):
    box(page, "#chart-parallel")
    before = page.value(ROWS_SHOWN)
    try:
        start, end = page.value(AXIS)
    except devtools.Failure as problem:
        cases.check(f"{name}: parallel axes have a place", False, str(problem))
        return
    page.drag(start, end)
    page.value("new Promise(done => setTimeout(done, 300))")
    after = page.value(ROWS_SHOWN)
    cases.check(f"{name}: a brush filters the table of the front", 0 <= after < before, f"{before} -> {after}")
    if has(page, "#parallel-clear"):
        press(page, "#parallel-clear")
        cases.check(f"{name}: all rows are back", page.value(ROWS_SHOWN) == before)
        press(page, "#parallel-apply")
        cases.check(f"{name}: a brush by keys leaves some rows", 0 < page.value(ROWS_SHOWN) <= before)
        press(page, "#parallel-clear")


def zoom(cases, page, name, chart):
    """Buttons and the wheel with Ctrl look closer at a schedule."""
    span = (f"(z => z.endValue - z.startValue)(dseReport.charts[{json.dumps(chart)}].getOption().dataZoom[0])")
    x, y, width, height = box(page, "#chart-" + chart)
    before = page.value(span)
    number = chart.split("-")[1]
    press(page, f'button[data-timeline="{number}"][data-key="+"]')
    after = page.value(span)
    cases.check(f"{name}: a button zooms {chart}", after < before, f"{before} -> {after}")
    x, y, width, height = box(page, "#chart-" + chart)
    y += min(height / 4, 200)  # a short chart is half its axis and slider
    page.click(x + width / 2, y, press=False)
    page.call("Input.dispatchMouseEvent", type="mouseWheel", x=x + width / 2, y=y, deltaX=0,
              deltaY=-240, modifiers=2)
    cases.check(f"{name}: the wheel zooms {chart}", page.until(f"{span} < {after}", 3), f"{after} stays")
    press(page, f'button[data-timeline="{number}"][data-key="0"]')
    cases.check(f"{name}: all of {chart} again", abs(page.value(span) - before) < 1e-6 * before)
    press(page, f"#timeline-critical-{number}")
    press(page, f"#timeline-critical-{number}")


def tab_through(cases, page, name):
    """The Tab key reaches everything that can be used."""
    page.value("""(() => { document.activeElement?.blur(); scrollTo(0, 0); window.testReached = new Set();
      document.addEventListener('focusin', e => testReached.add(e.target)); })()""")
    usable = ("[...document.querySelectorAll('a[href],button,select,input,summary,[tabindex=\"0\"]')].filter(e => !e.disabled "
              "&& e.checkVisibility({checkVisibilityCSS: true}))")
    n = page.value(usable + ".length")
    page.click(2, 2)
    for _ in range(min(n + 5, 700)):
        page.key("Tab", 9)
    missed = page.value(usable + ".filter(e => !testReached.has(e)).map(e => e.outerHTML.slice(0, 120))")
    cases.check(f"{name}: the Tab key reaches all {n} controls", n > 3 and not missed, missed)


def switch_theme(cases, page, name):
    before = page.value("getComputedStyle(document.body).backgroundColor")
    press(page, "#theme")
    page.click(1, 1, press=False)
    page.until("document.documentElement.dataset.theme !== undefined", 3)
    theme, after = page.value("[document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor]")
    cases.check(f"{name}: the switch changes colours", theme in ("light", "dark") and after != before, f"{before} {after}")
    look(cases, page, f"{name}, switched to {theme}", unfolded=False)


# --- whole pages -------------------------------------------------------------------------------------------------------


def use(cases, page, name, rows):
    commands = []
    if has(page, "#chart-front") and has(page, "#design"):
        commands = use_front(cases, page, name, rows)
        walk_front(cases, page, name)
    if has(page, "#chart-parallel"):
        brush(cases, page, name)
    for chart in page.value("Object.keys(window.dseReport?.charts ?? {}).filter(n => n.startsWith('timeline-'))"):
        zoom(cases, page, name, chart)
    page.value("document.querySelectorAll('details').forEach(d => { d.open = false; })")
    for i in range(page.value("document.querySelectorAll('details > summary').length")):
        page.value(f"document.querySelectorAll('details > summary')[{i}].focus()")
        page.key("Enter", 13, "\r")
    shut = page.value("document.querySelectorAll('details:not([open])').length")
    cases.check(f"{name}: Enter unfolds every part", shut == 0, f"{shut} stay folded")
    tab_through(cases, page, name)
    switch_theme(cases, page, name)
    return commands


def on_paper(cases, browser, path, name, picture):
    with devtools.Page(browser, path, width=794, height=1123, dark=True) as page:
        page.until(READY)
        page.value("""addEventListener('beforeprint', () => { window.testPaper = [
          document.querySelectorAll('details:not([open])').length,
          [...document.querySelectorAll('.chart')].filter(e => !e.querySelector('svg')).map(e => e.id),
          getComputedStyle(document.body).backgroundColor]; })""")
        pdf = page.pdf()
        cases.check(f"{name}: prints", pdf.startswith(b"%PDF-") and len(pdf) > 10000, str(len(pdf)))
        folded, canvas, ground = page.value("window.testPaper ?? [-1, [], '']")
        cases.check(f"{name}: nothing is folded on paper", folded == 0, f"{folded} folded")
        cases.check(f"{name}: charts are vectors on paper", not canvas, str(canvas))
        page.media("print", True)
        page.until(READY)
        page.value("new Promise(done => setTimeout(done, 200))")
        found = faults(page, LEAST_ON_PAPER_PX)
        ground = page.value("getComputedStyle(document.body).backgroundColor")
        cases.check(f"{name}: readable on paper", not found, found)
        cases.check(f"{name}: paper is white", ground in ("rgb(255, 255, 255)", "rgba(0, 0, 0, 0)"), ground)
        if picture:
            page.screenshot(picture)
        page.media("screen", False)
        page.until(READY)
        cases.check(f"{name}: quiet", not page.words(), page.words())


EVERYTHING = """(() => { const texts = [document.documentElement.textContent];
  const add = v => { if (typeof v === 'string') texts.push(v); else if (v && typeof v === 'object') {
    for (const [key, inner] of Object.entries(v)) { texts.push(key); add(inner); } } };
  add(window.dseReport?.data);
  document.querySelectorAll('[aria-label]').forEach(e => texts.push(e.getAttribute('aria-label')));
  return texts.join('\\n'); })()"""


def letters(text):
    return "".join(c for c in text if c.isalnum())


def judge_texts(cases, page, name, texts):
    """Hostile names stand there as they are, and none of them has done anything. Some belong to what no page shows (an
    operator that runs as part of another); the others may not be mangled."""
    everything = page.value(EVERYTHING)
    bare = letters(everything)
    shown = [text for text in texts if text in everything]
    cases.check(f"{name}: shows most names", 3 * len(shown) >= 2 * len(texts), f"{len(shown)} of {len(texts)}")
    mangled = [text for text in texts if text not in shown and len(letters(text)) > 11 and letters(text) in bare]
    cases.check(f"{name}: mangles no name", not mangled, mangled)
    cases.check(f"{name}: no name has run", not page.value("window.ran === 1 || document.querySelector('[onerror],"
                                                           "[onload],.hostile') !== null"))


def whole(cases, browser, path, options, rows, texts):
    base = os.path.basename(os.path.dirname(path)) + "/" + os.path.basename(path)
    picture = (lambda kind: os.path.join(options.pictures, base.replace("/", "-") + "-" + kind + ".png")
               if options.pictures else None)
    size = os.path.getsize(path)
    cases.check(f"{base}: at most 2 MB", size <= 2_000_000, str(size))
    commands = []
    start = time.monotonic()
    kinds = (("light", WIDE), ("dark", dict(WIDE, dark=True)), ("phone", PHONE))
    for kind, how in kinds[:1] if options.briefly else kinds:
        with devtools.Page(browser, path, **how) as page:
            name = f"{base}, {kind}"
            look(cases, page, name, unfolded=False)
            if kind == "light":
                paint = page.value("performance.getEntriesByType('paint').map(e => e.startTime)[0] ?? -1")
                n_charts = page.value("document.querySelectorAll('.chart').length")
            if picture(kind):
                page.screenshot(picture(kind))
            look(cases, page, name)
            if kind == "light":
                judge_texts(cases, page, name, texts)
                commands = [] if options.briefly else use(cases, page, name, rows)
            if kind == "phone":
                switch_theme(cases, page, name)
            cases.check(f"{name}: quiet", not page.words(), page.words())
    if not options.briefly:
        on_paper(cases, browser, path, f"{base}, print", picture("print"))
    print(f"{base}: {size} bytes, {n_charts} charts, first paint after {paint:.0f} ms, looked at for "
          f"{time.monotonic() - start:.1f} s")
    return commands


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="+")
    parser.add_argument("--front")
    parser.add_argument("--command")
    parser.add_argument("--pictures")
    parser.add_argument("--must-show")
    parser.add_argument("--briefly", action="store_true")
    options = parser.parse_args()
    rows = texts = None
    if options.front:
        with open(options.front, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
    if options.must_show:
        with open(options.must_show, encoding="utf-8") as file:
            texts = [line for line in file.read().split("\n") if line]
    cases = Cases()
    with devtools.Browser(devtools.find_browser()) as browser:
        for path in options.pages:
            try:
                commands = whole(cases, browser, path, options, rows, texts or [])
            except devtools.Failure as problem:
                cases.check(f"{path}: the page answers", False, str(problem))
                continue
            if options.command and commands:
                with open(options.command, "w", encoding="utf-8") as file:
                    for command, row in commands:
                        file.write(command + "\t" + json.dumps(row) + "\n")
    print(f"{cases.passed} passed, {cases.failed} failed")
    return 1 if cases.failed or not cases.passed else 0


if __name__ == "__main__":
    sys.exit(main())
