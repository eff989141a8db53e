import { useEffect, useState } from 'preact/hooks'
import { enter, leave } from './run.ts'
import { federated, logIn, Refusal } from './server.ts'
import { isToken } from './session.ts'
import { door, doorProblem, lang, me, say, seats, switchLang, text, who } from './state.ts'
import { departmentName, seatName } from './words.ts'

// Door is what stands before the console: the forms for who is not known, the choice of a seat, or patience.
export function Door() {
  const t = text.value
  return (
    <main class="door" data-door={door.value} data-lang={lang.value}>
      <h1>{t.doorTitle}</h1>
      {door.value === 'opening' ? <p role="status">{doorProblem.value ? t.trying(doorProblem.value) : t.opening}</p> : null}
      {door.value === 'closed' ? <Closed /> : null}
      {door.value === 'seat' ? <ChooseSeat /> : null}
      <p class="door-do"><button type="button" class="act" onClick={switchLang}>{t.languageName}</button></p>
    </main>
  )
}

function Closed() {
  const t = text.value
  const [problem, setProblem] = useState({ refused: t.refused, 'no-desk': t.noDesk, over: t.sessionOver }[doorProblem.value] ?? '')
  const [busy, setBusy] = useState(false)
  const [provider, setProvider] = useState(false)
  const [token, setToken] = useState('')
  useEffect(() => void federated().then(setProvider), [])
  const password = async (e: SubmitEvent) => {
    e.preventDefault()
    const f = new FormData(e.currentTarget as HTMLFormElement)
    setBusy(true)
    try {
      await logIn(String(f.get('name') ?? ''), String(f.get('password') ?? ''))
      enter({ token: '', seat: who.peek().seat })
    } catch (x) {
      setProblem(`${t.loginFailed}：${x instanceof Refusal && x.status === 0 ? t.notDelivered : x instanceof Error ? x.message : String(x)}`)
    }
    setBusy(false)
  }
  return (
    <>
      {problem ? <p class="loud" role="alert">{problem}</p> : null}
      <form onSubmit={(e) => void password(e)}>
        <label>{t.loginName}<input name="name" autocomplete="username" autofocus required spellcheck={false} /></label>
        <label>{t.password}<input name="password" type="password" autocomplete="current-password" required /></label>
        <button type="submit" class="act strong" disabled={busy}>{t.logIn}</button>
        {provider ? <a class="act" href="/api/v1/login/oidc">{t.federated}</a> : null}
      </form>
      <form onSubmit={(e) => { e.preventDefault(); if (isToken(token.trim())) enter({ token: token.trim(), seat: '' }) }}>
        <h2>{t.useKey}</h2>
        <p class="soft">{t.keyHow}</p>
        <pre>banyan key add --role officer --seat fire-1 --name 陈志强</pre>
        <label>{t.key}<input type="password" autocomplete="off" spellcheck={false} value={token} onInput={(e) => setToken(e.currentTarget.value)} /></label>
        <button type="submit" class="act" disabled={!isToken(token.trim())}>{t.openConsole}</button>
        <p class="soft">{t.kept}</p>
      </form>
    </>
  )
}

function ChooseSeat() {
  const t = text.value
  const own = seats.value.filter((s) => s.department === me.value?.department)
  return (
    <section>
      <p>{me.value?.name} · {departmentName(me.value?.department ?? '')}</p>
      <h2>{t.chooseSeat}</h2>
      <ul class="seat-choices">
        {own.map((s, n) => (
          <li key={s.id}>
            <button type="button" class="act" autofocus={n === 0} data-seat={s.id} onClick={() => enter({ token: '', seat: s.id })}>
              {seatName(s.id)} <span class="soft">{t.roles[s.role]} · {s.holder ?? t.nobody}</span>
            </button>
          </li>
        ))}
      </ul>
      <button type="button" class="act" onClick={() => { leave().catch((e: unknown) => say(String(e), true)) }}>{t.logOut}</button>
    </section>
  )
}
