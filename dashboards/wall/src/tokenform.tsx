import { useState } from 'preact/hooks'
import { lang, refused, switchLang, text, useToken } from './state.ts'
import { isToken } from './token.ts'

export function TokenForm() {
  const t = text.value
  const [typed, setTyped] = useState('')
  const go = (e: Event) => {
    e.preventDefault()
    if (isToken(typed.trim())) useToken(typed.trim())
  }
  return (
    <main class="entry" data-lang={lang.value}>
      <form onSubmit={go}>
        <h1>{t.tokenTitle}</h1>
        {refused.value ? <p class="refused" role="alert">{t.tokenRefused}</p> : null}
        <p>{t.tokenAsk}</p>
        <pre>banyan key add --role wall --name hall</pre>
        <p>{t.tokenThen}</p>
        <label>
          {t.tokenLabel}
          <input type="password" autocomplete="off" spellcheck={false} autofocus value={typed}
            onInput={(e) => setTyped(e.currentTarget.value)} />
        </label>
        <div class="entry-do">
          <button type="submit" disabled={!isToken(typed.trim())}>{t.tokenGo}</button>
          <button type="button" onClick={switchLang} aria-label={t.languageName}>{t.language}</button>
        </div>
        <p class="hint">{t.tokenKept}</p>
      </form>
    </main>
  )
}
