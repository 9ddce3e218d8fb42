// A part of a page is marked by dragging over it: the place is written into the fields beneath, which are there without a script, too.
for (const page of document.querySelectorAll("img[data-black]")) {
  const place = document.querySelector(`details[data-place="${page.dataset.black}"]`);
  let from = null;
  const at = (event) => {
    const box = page.getBoundingClientRect();
    const part = (n, of) => Math.min(1, Math.max(0, n / of));
    return [part(event.clientX - box.left, box.width), part(event.clientY - box.top, box.height)];
  };
  const write = (to) => {
    const values = { left: Math.min(from[0], to[0]), top: Math.min(from[1], to[1]), wide: Math.abs(from[0] - to[0]), high: Math.abs(from[1] - to[1]) };
    for (const [name, value] of Object.entries(values)) place.querySelector(`input[name="${name}"]`).value = (value * 100).toFixed(1);
  };
  page.draggable = false;
  page.style.touchAction = "none";
  page.addEventListener("pointerdown", (event) => { from = at(event); page.setPointerCapture(event.pointerId); event.preventDefault(); });
  page.addEventListener("pointermove", (event) => { if (from) write(at(event)); });
  page.addEventListener("pointerup", (event) => {
    if (!from) return;
    write(at(event));
    from = null;
    place.open = true;
    place.querySelector("button").focus({ preventScroll: false });
  });
}
