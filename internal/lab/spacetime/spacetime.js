// Makes the space-time figures of a page interactive. Without it they are still
// whole pictures, with the browser's own tooltips.
(() => {
  "use strict";
  const least = 1 / 40; // of the picture's width: how far one can zoom in

  const setup = (figure) => {
    const svg = figure.querySelector("svg");
    const tip = figure.querySelector(".st-tip");
    const names = svg.querySelector(".st-names");
    const back = names && names.querySelector("rect");
    const gutter = back && back.width.baseVal.value;
    const all = svg.viewBox.baseVal;
    const whole = { x: all.x, y: all.y, w: all.width, h: all.height };
    let view = { ...whole };

    const show = (v) => {
      v.w = Math.min(Math.max(v.w, whole.w * least), whole.w);
      v.h = v.w * whole.h / whole.w;
      v.x = Math.min(Math.max(v.x, whole.x), whole.x + whole.w - v.w);
      v.y = Math.min(Math.max(v.y, whole.y), whole.y + whole.h - v.h);
      view = v;
      svg.setAttribute("viewBox", [v.x, v.y, v.w, v.h].map((n) => +n.toFixed(3)).join(" "));
      if (!names) { return; }
      const k = v.w / whole.w; // lane names stay at the left edge, in their size
      names.setAttribute("transform", `translate(${+v.x.toFixed(3)} 0)`);
      back.setAttribute("width", gutter * k);
      names.querySelectorAll("text").forEach((t) => {
        t.setAttribute("x", (gutter - 6) * k);
        t.style.fontSize = 12 * k + "px";
      });
    };
    const zoom = (factor, cx = view.x + view.w / 2, cy = view.y + view.h / 2) => {
      const w = Math.min(Math.max(view.w * factor, whole.w * least), whole.w), f = w / view.w;
      show({ x: cx - (cx - view.x) * f, y: cy - (cy - view.y) * f, w, h: 0 });
    };
    const move = (dx, dy) => show({ ...view, x: view.x + dx, y: view.y + dy });
    const point = (e) => {
      const r = svg.getBoundingClientRect();
      return [view.x + (e.clientX - r.left) / r.width * view.w, view.y + (e.clientY - r.top) / r.height * view.h];
    };

    const tell = (item, x, y) => {
      tip.textContent = item.dataset.detail;
      tip.hidden = false;
      const f = figure.getBoundingClientRect();
      tip.style.left = Math.max(0, Math.min(x - f.left + 14, f.width - tip.offsetWidth)) + "px";
      let top = y - f.top + 16;
      if (y + 24 + tip.offsetHeight > innerHeight) { top = y - f.top - tip.offsetHeight - 12; }
      tip.style.top = top + "px";
    };
    const hush = () => { tip.hidden = true; };

    svg.querySelectorAll(".st-item").forEach((item) => {
      const title = item.querySelector("title");
      if (!title) { return; }
      item.dataset.detail = title.textContent;
      item.setAttribute("aria-label", title.textContent);
      item.setAttribute("role", "img");
      item.setAttribute("tabindex", "0");
      title.remove();
      item.addEventListener("pointermove", (e) => tell(item, e.clientX, e.clientY));
      item.addEventListener("pointerleave", hush);
      item.addEventListener("focus", () => {
        if (!item.matches(":focus-visible")) { return; } // a click tells where it points
        const r = item.getBoundingClientRect();
        tell(item, r.left + Math.min(r.width / 2, 200), r.top + r.height / 2);
      });
      item.addEventListener("blur", hush);
    });
    svg.setAttribute("role", "group");
    svg.setAttribute("tabindex", "0");

    svg.addEventListener("wheel", (e) => {
      const active = document.body.dataset.stWheel === "always" || e.ctrlKey || svg.contains(document.activeElement);
      if (!active) { return; } // let the page scroll past
      e.preventDefault();
      zoom(Math.exp(Math.sign(e.deltaY) * 0.2), ...point(e));
    }, { passive: false });

    svg.addEventListener("pointerdown", (down) => {
      if (down.button !== 0) { return; }
      let { clientX: x, clientY: y } = down, moved = false;
      const drag = (e) => {
        if (!moved && Math.hypot(e.clientX - x, e.clientY - y) < 4) { return; }
        moved = true;
        svg.classList.add("st-moving");
        const r = svg.getBoundingClientRect();
        move((x - e.clientX) / r.width * view.w, (y - e.clientY) / r.height * view.h);
        [x, y] = [e.clientX, e.clientY];
      };
      const drop = () => {
        svg.classList.remove("st-moving");
        removeEventListener("pointermove", drag);
        removeEventListener("pointerup", drop);
        removeEventListener("pointercancel", drop);
      };
      addEventListener("pointermove", drag); // also outside of the picture
      addEventListener("pointerup", drop);
      addEventListener("pointercancel", drop);
    });

    const actions = { in: () => zoom(1 / 1.4), out: () => zoom(1.4), fit: () => show({ ...whole }) };
    figure.querySelectorAll("[data-st]").forEach((b) => b.addEventListener("click", () => actions[b.dataset.st]()));
    const keys = {
      "+": actions.in, "=": actions.in, "-": actions.out, "0": actions.fit,
      ArrowLeft: () => move(-view.w / 8, 0), ArrowRight: () => move(view.w / 8, 0),
      ArrowUp: () => move(0, -view.h / 8), ArrowDown: () => move(0, view.h / 8), Escape: hush,
    };
    svg.addEventListener("keydown", (e) => {
      const arrow = e.key.startsWith("Arrow") && view.w >= whole.w; // nothing to move: scroll the page
      if (keys[e.key] && !e.ctrlKey && !e.metaKey && !e.altKey && !arrow) { e.preventDefault(); keys[e.key](); }
    });
  };
  document.querySelectorAll("figure.spacetime").forEach(setup);
})();
