// Automatic logoff: warn before it, lock when it comes, and count typing as use. Tabs share what they know.
const { idle, warning } = document.body.dataset;
const limit = Number(idle) * 1000;
const before = Number(warning) * 1000;
const dialog = document.getElementById("leaving");
const KEY = "sojourn.used";

const used = () => Number(localStorage.getItem(KEY) ?? 0);
let told = Date.now();
localStorage.setItem(KEY, String(told));

const lockForm = () => document.getElementById("lock-now");

function lock() {
  document.documentElement.classList.add("locked"); // nothing may be read while the next page comes, or if it does not
  lockForm().submit();
}

async function stay() {
  told = Date.now();
  localStorage.setItem(KEY, String(told));
  dialog.close();
  try {
    const answer = await fetch(dialog.dataset.stay, { method: "POST", redirect: "manual", headers: { "X-CSRF-Token": lockForm().elements.csrf.value } });
    if (answer.type === "opaqueredirect" || answer.status === 401) lock();
  } catch {
    told = 0; // the server was not reached: try again with the next key
  }
}

function look() {
  const left = used() + limit - Date.now();
  if (left <= 0) lock();
  else if (left <= before && !dialog.open) {
    dialog.showModal();
    tell(left);
  } else if (left > before && dialog.open) dialog.close(); // somebody went on in another tab
  else if (dialog.open) tell(left);
}

function tell(left) {
  const seconds = Math.ceil(left / 1000);
  dialog.querySelector("[data-left]").textContent = seconds > 10 ? `${Math.ceil(seconds / 10) * 10} seconds` : `${seconds} seconds`;
}

function active() {
  if (!dialog.open && Date.now() - told > 60_000) stay();
}

if (limit && dialog) {
  setInterval(look, 1000);
  for (const kind of ["keydown", "pointerdown", "input"]) document.addEventListener(kind, active, { passive: true });
  document.addEventListener("visibilitychange", look);
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); stay(); });
  dialog.querySelector("[data-stay]").addEventListener("click", stay);
  dialog.querySelector("[data-lock]").addEventListener("click", lock);
}
