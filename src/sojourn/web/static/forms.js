// How often somebody has typed into a form: so that the server can tell what was typed later, whichever request comes first.
document.addEventListener("input", (event) => {
  const turn = event.target.form?.elements.namedItem("turn");
  if (turn && event.target !== turn) turn.value = Number(turn.value) + 1;
}, true);
