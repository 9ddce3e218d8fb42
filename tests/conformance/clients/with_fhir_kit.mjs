// fhir-kit-client: capability, create, read, vread, history, search, pages, update, patch, batch, transaction, compartment, operation, delete.
import assert from "node:assert/strict";
import * as kit from "fhir-kit-client";

const Client = kit.default?.default ?? kit.default ?? kit.Client;
const client = new Client({ baseUrl: process.env.FHIR_BASE, bearerToken: process.env.FHIR_TOKEN });
const person = (n) => ({ resourceType: "Patient", name: [{ family: "Kit", given: [`N${n}`] }], identifier: [{ system: "urn:kit", value: `${n}` }], birthDate: `198${n}-01-01` });

const statement = await client.capabilityStatement();
assert.equal(statement.fhirVersion, "4.0.1");
const made = [];
for (let n = 0; n < 5; n++) made.push(await client.create({ resourceType: "Patient", body: person(n) }));
const read = await client.read({ resourceType: "Patient", id: made[0].id });
assert.equal(read.name[0].family, "Kit");
const changed = await client.update({ resourceType: "Patient", id: read.id, body: { ...read, gender: "female" } });
assert.equal(changed.gender, "female");
const first = await client.vread({ resourceType: "Patient", id: read.id, version: made[0].meta.versionId });
assert.equal(first.gender, undefined);
const patched = await client.patch({ resourceType: "Patient", id: read.id, jsonPatch: [{ op: "replace", path: "/gender", value: "male" }] });
assert.equal(patched.gender, "male");
assert.equal((await client.history({ resourceType: "Patient", id: read.id })).entry.length, 3);
assert.ok((await client.typeHistory({ resourceType: "Patient" })).entry.length >= 7);
assert.ok((await client.systemHistory()).entry.length >= 7);

let page = await client.search({ resourceType: "Patient", searchParams: { family: "kit", _count: 2, _total: "accurate" } });
assert.equal(page.total, 5);
const seen = [];
while (page) {
  seen.push(...page.entry.map((e) => e.resource.id));
  page = await client.nextPage({ bundle: page });
}
assert.deepEqual(seen.sort(), made.map((p) => p.id).sort());
const posted = await client.search({ resourceType: "Patient", searchParams: { identifier: "urn:kit|3" }, options: { postSearch: true } });
assert.equal(posted.entry[0].resource.id, made[3].id);
assert.equal((await client.search({ searchParams: { _type: "Patient", _count: 1 } })).entry.length, 1);

const heart = { resourceType: "Observation", status: "final", code: { text: "pulse" }, subject: { reference: "urn:uuid:3f1c7c3e-0000-4000-8000-000000000001" } };
const sent = { resourceType: "Bundle", type: "transaction", entry: [
  { fullUrl: "urn:uuid:3f1c7c3e-0000-4000-8000-000000000001", resource: person(7), request: { method: "POST", url: "Patient" } },
  { resource: heart, request: { method: "POST", url: "Observation" } } ] };
const done = await client.transaction({ body: sent });
assert.ok(done.entry.every((e) => e.response.status.startsWith("201")));
const owner = done.entry[0].resource.id;
const within = await client.search({ resourceType: "Observation", compartment: { resourceType: "Patient", id: owner } });
assert.equal(within.entry.length, 1);
const batch = await client.batch({ body: { resourceType: "Bundle", type: "batch", entry: [{ request: { method: "GET", url: `Patient/${owner}` } }, { request: { method: "GET", url: "Patient/nobody" } }] } });
assert.deepEqual(batch.entry.map((e) => e.response.status.slice(0, 3)), ["200", "404"]);
const all = await client.operation({ name: "everything", resourceType: "Patient", id: owner, method: "get" });
assert.equal(all.entry.length, 2);
await client.delete({ resourceType: "Patient", id: made[4].id });
await assert.rejects(client.read({ resourceType: "Patient", id: made[4].id }), (error) => error.response.status === 410);
console.log("ok");
