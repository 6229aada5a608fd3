package spacetime

import (
	"bytes"
	"strings"
	"testing"

	"github.com/parleydb/parley/internal/lab/browser"
)

// TestInBrowser tries a page as a reader would: wheel, buttons, keys, dragging,
// pointing, tabbing.
func TestInBrowser(t *testing.T) {
	var page bytes.Buffer
	if err := stale().HTML(&page); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Whole, Wheel, Dragged, Fit, Button, Key, Moved string
		Tip, Focus                                     string
		TipSeen, Gone                                  bool
		Names                                          string
	}
	browser.Open(t, page.String(), `
const svg = document.querySelector("figure.spacetime svg"), tip = document.querySelector(".st-tip"), r = svg.getBoundingClientRect();
const view = () => svg.getAttribute("viewBox");
const key = (k) => svg.dispatchEvent(new KeyboardEvent("keydown", { key: k, bubbles: true, cancelable: true }));
const out = { Whole: view() };
const bar = [...svg.querySelectorAll(".st-span.st-bad rect")][0].getBoundingClientRect();
const x = bar.x + bar.width / 2, y = bar.y + bar.height / 2;
const hit = document.elementFromPoint(x, y);
hit.dispatchEvent(new PointerEvent("pointermove", { clientX: x, clientY: y, bubbles: true }));
out.Tip = tip.textContent;
out.TipSeen = tip.offsetHeight > 0 && tip.offsetWidth > 0;
hit.closest(".st-item").dispatchEvent(new PointerEvent("pointerleave", {}));
out.Gone = tip.offsetHeight === 0;
svg.dispatchEvent(new WheelEvent("wheel", { deltaY: -100, clientX: r.x + 200, clientY: r.y + 100, bubbles: true, cancelable: true }));
out.Wheel = view();
svg.dispatchEvent(new PointerEvent("pointerdown", { button: 0, clientX: 300, clientY: 200, bubbles: true }));
for (const at of [290, 200]) { svg.dispatchEvent(new PointerEvent("pointermove", { clientX: at, clientY: 200, bubbles: true })); }
svg.dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
out.Dragged = view();
out.Names = svg.querySelector(".st-names").getAttribute("transform");
document.querySelector("[data-st=fit]").click();
out.Fit = view();
document.querySelector("[data-st=in]").click();
out.Button = view();
key("0"); key("+");
out.Key = view();
key("ArrowRight");
out.Moved = view();
const item = svg.querySelector(".st-span");
item.focus();
out.Focus = document.activeElement === item ? tip.textContent : "not focused";
return out;`).Check(t, &got)
	if got.Tip != "session 4 read x=1 from n2: too old" || !got.TipSeen || !got.Gone {
		t.Errorf("pointing shows %q, visible %v, gone after %v", got.Tip, got.TipSeen, got.Gone)
	}
	if got.Focus != "session 1 wrote x=1 at n1" {
		t.Errorf("tabbing shows %q", got.Focus)
	}
	if got.Wheel == got.Whole || got.Dragged == got.Wheel || got.Fit != got.Whole || got.Button == got.Whole || got.Key != got.Button || got.Moved == got.Key {
		t.Errorf("%+v", got)
	}
	left, _, _ := strings.Cut(got.Dragged, " ")
	if !strings.HasPrefix(got.Names, "translate("+left+" 0)") {
		t.Errorf("lane names at %s, the picture's left edge at %s", got.Names, left)
	}
}

// TestLabelsInBrowser: with real fonts, too, no label covers another, and none
// leaves the picture.
func TestLabelsInBrowser(t *testing.T) {
	var page bytes.Buffer
	page.WriteString("<!doctype html><html><head><style>" + Style + "</style></head><body>")
	for _, d := range []*Diagram{stale(), vector(), busy()} {
		if err := d.Figure(&page); err != nil {
			t.Fatal(err)
		}
	}
	page.WriteString("</body></html>")
	var got struct {
		Labels int
		Bad    []string
	}
	browser.Open(t, page.String(), `
const out = { Labels: 0, Bad: [] };
for (const svg of document.querySelectorAll("svg")) {
  const texts = [...svg.querySelectorAll(".st-label, .st-name")].map((t) => ({ text: t.textContent, b: t.getBBox() }));
  const w = svg.viewBox.baseVal.width;
  out.Labels += texts.length;
  texts.forEach(({ text, b }, i) => {
    if (b.x < 0 || b.x + b.width > w) { out.Bad.push(text + " leaves the picture"); }
    for (const o of texts.slice(0, i)) {
      const dx = Math.min(b.x + b.width, o.b.x + o.b.width) - Math.max(b.x, o.b.x);
      const dy = Math.min(b.y + b.height, o.b.y + o.b.height) - Math.max(b.y, o.b.y);
      if (dx > 0 && dy > 4) { out.Bad.push(text + " and " + o.text); }
    }
  });
}
return out;`).Check(t, &got)
	if got.Labels < 40 || len(got.Bad) > 0 {
		t.Errorf("%d labels; %q", got.Labels, got.Bad)
	}
}
