// A SMART app in sixty lines: launched from a chart (iss and launch in the address) or by itself, with PKCE, in the browser alone.
const $ = (id) => document.getElementById(id)
const { base, staff, patient } = document.body.dataset
const asked = new URLSearchParams(location.search)
const here = location.origin + location.pathname
const url64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
const say = (text) => { $('state').textContent = text }

async function ask(client, scope, launch) {
  const config = await (await fetch(`${base}/.well-known/smart-configuration`)).json()
  const verifier = url64(crypto.getRandomValues(new Uint8Array(48)))
  const state = url64(crypto.getRandomValues(new Uint8Array(16)))
  const challenge = url64(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier)))
  sessionStorage.setItem(state, JSON.stringify({ client, verifier, token: config.token_endpoint }))
  const wish = { response_type: 'code', client_id: client, redirect_uri: here, scope, state, aud: base, code_challenge: challenge, code_challenge_method: 'S256' }
  location.assign(`${config.authorization_endpoint}?${new URLSearchParams(launch ? { ...wish, launch } : wish)}`)
}

async function back() {
  const kept = JSON.parse(sessionStorage.getItem(asked.get('state')) ?? 'null')
  sessionStorage.removeItem(asked.get('state'))
  history.replaceState(null, '', here)
  if (!kept) return say('This page was opened twice. Begin again.')
  if (asked.has('error')) return say(`Nothing was given: ${asked.get('error_description') ?? asked.get('error')}`)
  const form = new URLSearchParams({ grant_type: 'authorization_code', code: asked.get('code'), redirect_uri: here, client_id: kept.client, code_verifier: kept.verifier })
  const given = await (await fetch(kept.token, { method: 'POST', body: form })).json()
  if (!given.access_token) return say(`Nothing was given: ${given.error_description}`)
  await show(given)
}

const value = (o) => o?.valueQuantity?.value ?? o?.valueInteger

async function show(given) {
  const get = async (path) => {
    const answer = await fetch(`${base}/${path}`, { headers: { authorization: `Bearer ${given.access_token}` } })
    return answer.ok ? answer.json() : { entry: [] }
  }
  const [person, found] = await Promise.all([get(`Patient/${given.patient}`), get(`Observation?patient=${given.patient}&_sort=date&_count=200`)])
  const name = person.name?.[0]
  $('title').textContent = name ? `${name.given?.[0] ?? ''} ${name.family ?? ''}` : 'Trend Lines'
  const series = Map.groupBy((found.entry ?? []).map((e) => e.resource).filter((o) => value(o) !== undefined), (o) => o.code.text ?? o.code.coding?.[0]?.display ?? o.code.coding?.[0]?.code)
  for (const [title, all] of [...series].sort((a, b) => b[1].length - a[1].length)) $('found').append(figure(title, all.map(value), all.at(-1).valueQuantity?.unit ?? ''))
  say(series.size ? `What this app was given, as it was measured. It can ask until ${new Date(Date.now() + given.expires_in * 1000).toLocaleTimeString()}.` : 'There is nothing to show of what this app was given.')
}

function figure(title, values, unit) {
  const low = Math.min(...values), high = Math.max(...values), node = document.createElement('figure'), said = unit.replace(/[{}#]/g, '')
  const points = values.map((v, n) => `${(n / (values.length - 1)) * 240},${70 - ((v - low) / (high - low || 1)) * 60}`).join(' ')
  if (values.length > 1) node.innerHTML = `<svg viewBox="0 0 240 80" aria-hidden="true"><polyline points="${points}" /></svg>`
  const caption = document.createElement('figcaption')
  caption.textContent = `${title}: ${values.at(-1)} ${said}` + (values.length > 1 ? ` (from ${low} to ${high}, ${values.length} times)` : '')
  node.prepend(caption)
  return node
}

const wanted = 'openid fhirUser patient/Patient.rs patient/Observation.rs'
if (asked.has('state')) await back()
else if (asked.has('launch') && asked.get('iss') === base) await ask(staff, `${wanted} launch launch/encounter`, asked.get('launch'))
else {
  say('Connect it to see scores and vital signs over time. You decide what it gets.')
  $('begin').hidden = false
  $('begin').addEventListener('click', () => ask(patient, `${wanted} launch/patient`))
}
