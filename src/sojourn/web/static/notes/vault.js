// What could not be sent yet, kept in this browser until it can: sealed under a key that the server gives to the same person only.
// Each person who writes notes here has one box, there from the first page on, under a name that says nothing, always of one size and
// sealed anew each time. So nobody else can tell whose it is, or whether anything is in it.
const SIZE = 131072;
const STORE = "kept";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

async function zipped(text) {
  return new Uint8Array(await new Response(new Blob([encoder.encode(text)]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer());
}

async function unzipped(bytes) {
  return decoder.decode(await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

function database() {
  const request = indexedDB.open("sojourn", 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return settled(request);
}

async function derived(raw, info, use) {
  const base = await crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveKey"]);
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(32), info: encoder.encode(info) };
  const kind = use === "sign" ? { name: "HMAC", hash: "SHA-256", length: 256 } : { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey(how, base, kind, false, use === "sign" ? ["sign"] : ["encrypt", "decrypt"]);
}

class Box {
  constructor(db, name, key) {
    Object.assign(this, { db, name, key });
  }

  // Everything in it, by draft and window; nothing for a box that is empty or was damaged.
  async read() {
    const sealed = await settled(this.db.transaction(STORE).objectStore(STORE).get(this.name));
    if (!sealed) return {};
    try {
      const plain = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.slice(0, 12) }, this.key, sealed.slice(12)));
      const length = new DataView(plain.buffer).getUint32(0);
      return JSON.parse(await unzipped(plain.slice(4, 4 + length)));
    } catch {
      return {};
    }
  }

  // Put in what `change` makes of it. One window at a time, so that none takes out what another put in.
  change(change) {
    return navigator.locks.request("sojourn-kept", async () => {
      const zip = await zipped(JSON.stringify(change(await this.read())));
      if (zip.length + 4 > SIZE) throw new RangeError("This is more than a browser keeps.");
      const plain = new Uint8Array(SIZE);
      new DataView(plain.buffer).setUint32(0, zip.length);
      plain.set(zip, 4);
      const iv = crypto.getRandomValues(new Uint8Array(12));
      const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, this.key, plain));
      const both = new Uint8Array(12 + sealed.length);
      both.set(iv);
      both.set(sealed, 12);
      await settled(this.db.transaction(STORE, "readwrite").objectStore(STORE).put(both, this.name));
    });
  }
}

const hex = (bytes) => [...new Uint8Array(bytes)].map((b) => b.toString(16).padStart(2, "0")).join("");

async function asked(address) {
  const answer = await fetch(address, { redirect: "manual", headers: { "X-Unattended": "true" } });
  return answer.ok ? read(await answer.json()) : null;
}

async function read({ key, csrf }) {
  const raw = Uint8Array.from(atob(key), (c) => c.charCodeAt(0));
  return { raw, csrf, name: hex(await crypto.subtle.sign("HMAC", await derived(raw, "name", "sign"), encoder.encode("box"))) };
}

// Who is signed in now, by the name of their box, with a token for their forms; null for nobody.
export async function whose(address) {
  try {
    return await asked(address);
  } catch {
    return null;
  }
}

// The box of whoever is signed in; null where this browser or connection cannot seal anything. key: if the page brought it.
export async function open(address, key = "") {
  if (!globalThis.crypto?.subtle || !navigator.locks || !globalThis.CompressionStream) return null;
  try {
    const now = key ? await read({ key }) : await asked(address);
    if (!now) return null;
    const box = new Box(await database(), now.name, await derived(now.raw, "content", "seal"));
    await box.change((all) => all);
    return box;
  } catch {
    return null;
  }
}

// Windows that are open now: what they put in is theirs, and they will send it.
export async function windows() {
  const { held = [] } = await navigator.locks.query();
  return new Set(held.map((lock) => lock.name));
}

export function holdWindow(tab) {
  navigator.locks?.request(`window-${tab}`, () => new Promise(() => {}));
}
