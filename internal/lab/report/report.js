// What the page does beyond showing: values of the charts when pointed at, and
// copying the command. Without it the page is still complete to read.
(() => {
  "use strict";
  const show = (tip, host, text, clientX, clientY) => {
    tip.textContent = text;
    tip.hidden = false;
    const box = host.getBoundingClientRect();
    let left = clientX - box.left + 16;
    if (left + tip.offsetWidth > box.width) { left = clientX - box.left - tip.offsetWidth - 16; }
    tip.style.left = Math.max(left, 0) + "px";
    tip.style.top = clientY - box.top + 14 + "px";
  };
  // place is a point of the screen in the coordinates of an SVG, however zoomed.
  const place = (svg, e) => new DOMPoint(e.clientX, e.clientY).matrixTransform(svg.getScreenCTM().inverse());
  const indexOf = (edges, x) => {
    let i = 0;
    while (i < edges.length - 2 && edges[i + 1] <= x) { i++; }
    return i;
  };

  document.querySelectorAll("figure.plot").forEach((figure) => {
    const svg = figure.querySelector("svg"), tip = figure.querySelector(".st-tip"), cursor = svg.querySelector(".cursor");
    const data = JSON.parse(figure.querySelector("script").textContent);
    let now = 0;
    const point = (i, clientX, clientY) => {
      now = Math.min(Math.max(i, 0), data.Tips.length - 1);
      const x = (data.Edges[now] + data.Edges[now + 1]) / 2;
      cursor.setAttribute("d", `M${x} 22V190`);
      const r = svg.getBoundingClientRect();
      show(tip, figure, data.Tips[now], clientX ?? r.left + x / 1000 * r.width, clientY ?? r.top + r.height / 3);
    };
    const hush = () => { tip.hidden = true; cursor.setAttribute("d", ""); };
    svg.addEventListener("pointermove", (e) => {
      const x = place(svg, e).x;
      if (x < data.Left || x > data.Right) { hush(); return; }
      point(indexOf(data.Edges, x), e.clientX, e.clientY);
    });
    svg.addEventListener("pointerleave", hush);
    svg.addEventListener("blur", hush);
    svg.addEventListener("keydown", (e) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
      if (step) { e.preventDefault(); point(now + step); }
      if (e.key === "Escape") { hush(); }
    });
  });

  const overview = document.querySelector("figure.overview");
  if (overview) {
    const svg = overview.querySelector("svg"), tip = overview.querySelector(".st-tip");
    const data = JSON.parse(document.getElementById("overview-data").textContent);
    svg.addEventListener("pointermove", (e) => {
      const p = place(svg, e), row = Math.floor((p.y - data.Top) / data.Row);
      if (row < 0 || row >= data.Rows.length || p.x < data.Edges[0] || p.x > data.Edges[data.Edges.length - 1]) { tip.hidden = true; return; }
      const at = indexOf(data.Edges, p.x), cells = data.Cells[row] || [];
      let counts = "nothing";
      for (let i = 0; i < cells.length; i += 4) {
        if (cells[i] === at) { counts = `${cells[i + 1]} ok, ${cells[i + 2]} failed, ${cells[i + 3]} unknown`; }
      }
      show(tip, overview, `session ${data.Rows[row]}\n${data.Times[at]} to ${data.Times[at + 1]}\n${counts}`, e.clientX, e.clientY);
    });
    svg.addEventListener("pointerleave", () => { tip.hidden = true; });
  }

  const copy = document.getElementById("copy");
  if (copy) {
    copy.addEventListener("click", async () => {
      const command = document.getElementById("command");
      try {
        await navigator.clipboard.writeText(command.textContent);
        copy.textContent = "Copied";
      } catch { // no clipboard for pages from files in some browsers: select it instead
        getSelection().selectAllChildren(command);
        copy.textContent = "Selected";
      }
      setTimeout(() => { copy.textContent = "Copy"; }, 2000);
    });
  }
})();
