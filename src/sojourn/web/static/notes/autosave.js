// Keeps what stands in the editor: sealed in this browser at once, on the server a moment later. The browser's copy goes when the server has it.
import { whose } from "./vault.js";

const PAUSE = 900;
const AGAIN = [2000, 4000, 8000, 15000];
const OURS = new Set(["csrf", "stamp", "tab", "do"]);

export const SAID = {
  keeping: "Keeping…",
  kept: "Kept",
  offline: "The server cannot be reached. Kept on this device, sealed; it is sent as soon as possible.",
  "signed-out": "You are signed out. Kept on this device, sealed, for you alone. Sign in again and it is sent.",
  unkept: "The server cannot be reached, and this browser can keep nothing. Leave this page open.",
  conflict: "Changed in another window: choose below.",
  gone: "This draft was saved or discarded in another window. Your text is kept on this device; keep it as a draft of its own.",
};

export function valuesOf(form) {
  const values = {};
  for (const [name, value] of new FormData(form)) {
    if (!OURS.has(name) && typeof value === "string" && value.trim()) (values[name] ??= []).push(value.replaceAll("\r\n", "\n"));
  }
  return values;
}

export function apply(form, values) {
  for (const each of form.elements) {
    if (!each.name || OURS.has(each.name) || each.type === "hidden") continue;
    const wanted = values[each.name] ?? [];
    if (each.type === "checkbox" || each.type === "radio") each.checked = wanted.includes(each.value);
    else if ("value" in each) each.value = wanted[0] ?? "";
  }
}

const ordered = (values) => JSON.stringify(Object.keys(values).sort().map((name) => [name, [...values[name]].sort()]));
export const same = (one, other) => ordered(one) === ordered(other);

export class Keeper {
  constructor(form, tab, told, conflict) {
    Object.assign(this, { form, tab, told, conflict, box: null, edits: 0, sent: 0, tries: 0, sending: null, stopped: false, queue: Promise.resolve(), stashed: false });
    this.entry = `${form.dataset.draft}:${tab}`;
  }

  get stamp() { return this.form.elements.stamp.value; }
  set stamp(value) { this.form.elements.stamp.value = value; }
  get unsent() { return this.edits > this.sent; }

  // Something was typed.
  changed() {
    this.edits += 1;
    this.tries = 0;
    this.told(this.state === "offline" || this.state === "signed-out" || this.stopped ? this.state : "keeping");
    this.stash();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(), PAUSE);
  }

  say(state) {
    this.state = state;
    this.told(state);
  }

  // Into the browser's box: one at a time, the newest text each time.
  stash() {
    if (!this.box || this.stashing) return;
    this.stashing = true;
    this.queue = this.queue.then(async () => {
      this.stashing = false;
      const { keep } = this.form.dataset;
      const kept = { draft: this.form.dataset.draft, path: location.pathname, keep, stamp: this.stamp, values: valuesOf(this.form), at: Date.now() };
      await this.box.change((all) => ({ ...all, [this.entry]: kept }));
      this.stashed = true;
    }).catch(() => { this.stashing = false; });
  }

  forget(entries = [this.entry]) {
    if (!this.box) return Promise.resolve();
    this.stashed = false;
    this.queue = this.queue.then(() => this.box.change((all) => Object.fromEntries(Object.entries(all).filter(([name]) => !entries.includes(name))))).catch(() => {});
    return this.queue;
  }

  // To the server. Whether everything that was typed is there now.
  async send() {
    clearTimeout(this.timer);
    if (this.stopped) return false;
    if (this.sending) {
      await this.sending;
      return this.unsent ? this.send() : true;
    }
    if (!this.unsent) return true;
    this.sending = this.sendOnce();
    const done = await this.sending;
    this.sending = null;
    return done && this.unsent && !this.stopped ? this.send() : done;
  }

  async sendOnce() {
    const upTo = this.edits;
    const body = JSON.stringify({ stamp: this.stamp, tab: this.tab, values: valuesOf(this.form) });
    let answer;
    try {
      answer = await fetch(this.form.dataset.keep, {
        method: "POST", body, redirect: "manual", signal: AbortSignal.timeout(20000),
        headers: { "Content-Type": "application/json", "X-CSRF-Token": this.form.elements.csrf.value, ...(this.tries ? { "X-Unattended": "true" } : {}) },
      });
    } catch {
      return this.retry(this.box ? "offline" : "unkept");
    }
    if (answer.type === "opaqueredirect" || answer.status === 401 || answer.status === 403) return this.renewed ? this.outside() : this.renew();
    this.renewed = false;
    if (answer.status === 404) {
      this.stopped = true;
      this.say("gone");
      return false;
    }
    if (answer.status === 409) {
      this.other(await answer.json());
      return false;
    }
    if (!answer.ok) return this.retry("offline");
    this.stamp = (await answer.json()).stamp;
    this.sent = upTo;
    this.tries = 0;
    if (this.unsent) this.stash();
    else await this.forget();
    this.say(this.unsent ? "keeping" : "kept");
    return true;
  }

  // The session of this page is over. If the same person has signed in again meanwhile, go on with their new one.
  async renew() {
    this.renewed = true;
    const now = await whose(this.form.dataset.keyOf);
    if (!now || !this.box || now.name !== this.box.name) return this.outside();
    this.form.elements.csrf.value = now.csrf;
    return this.sendOnce();
  }

  outside() {
    this.renewed = false;
    return this.retry(this.box ? "signed-out" : "unkept", false);
  }

  retry(state, later = true) {
    this.say(state);
    if (later) this.timer = setTimeout(() => this.send(), AGAIN[Math.min(this.tries, AGAIN.length - 1)]);
    this.tries += 1;
    return false;
  }

  // Another window kept something else: nothing more is sent until the person has chosen.
  other(theirs) {
    this.stopped = true;
    this.say("conflict");
    this.conflict(theirs);
  }

  // The person chose; what stands in the editor now goes over what they saw.
  resolve(stamp) {
    this.stamp = stamp;
    this.stopped = false;
    this.edits += 1;
    this.stash();
    return this.send();
  }

  // A window that comes back to the front: has another one gone on?
  async look() {
    if (this.stopped || this.sending) return;
    if (this.unsent) { this.send(); return; }
    try {
      const answer = await fetch(this.form.dataset.keep, { redirect: "manual", headers: { "X-Unattended": "true" } });
      if (!answer.ok) return;
      const theirs = await answer.json();
      if (theirs.stamp === this.stamp || this.unsent || this.sending) return;
      if (same(theirs.values, valuesOf(this.form))) this.stamp = theirs.stamp;
      else this.other(theirs);
    } catch {
      // said when there is something to send
    }
  }
}
