// Passkeys: ask the server what to ask, ask the browser, put the answer into the form and send it.
const problems = {
  NotAllowedError: "No passkey was used. Try again, or choose another way.",
  InvalidStateError: "This device is registered already.",
  SecurityError: "Passkeys work only at the address that this system is known by, over HTTPS.",
};

async function asked(place) {
  const form = place.closest("form");
  const answer = await fetch(place.dataset.options, { method: "POST", redirect: "manual", headers: { "X-CSRF-Token": form.elements.csrf.value } });
  if (!answer.ok) throw new Error("This page has been open for too long. Reload it and try again.");
  return answer.json();
}

async function press(place) {
  const form = place.closest("form");
  const said = place.querySelector("[data-problem]");
  said.textContent = "";
  try {
    const { options, state } = await asked(place);
    const made = place.dataset.passkey === "create"
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    form.elements.state.value = state;
    form.elements.answer.value = JSON.stringify(made.toJSON());
    form.submit();
  } catch (error) {
    said.textContent = problems[error.name] ?? error.message;
  }
}

function offer() {
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) return;
  for (const place of document.querySelectorAll("[data-passkey][hidden]")) {
    place.hidden = false;
    place.querySelector("button").addEventListener("click", () => press(place));
  }
}
offer();
document.addEventListener("htmx:after:swap", offer); // the page that asks for a confirmation may come as a fragment
