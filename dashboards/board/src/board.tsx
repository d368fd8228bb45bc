// The page: signing in, moving about, and what stands around each view.
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import "uplot/dist/uPlot.min.css";
import "./board.css";
import { AlertsPage } from "./alerts";
import { Board } from "./list";
import { PartnershipPage } from "./partnership";
import { RelationsPage } from "./relations";
import { begin, signIn, useStore } from "./store";

const THEMES = ["auto", "light", "dark"];

function App() {
  const [place, go] = useState(location.hash);
  const [theme, dress] = useState(localStorage.getItem("rapport-theme") ?? "auto");
  const { signedIn, error, heardAt, rows } = useStore();
  useEffect(() => {
    const moved = () => { go(location.hash); scrollTo(0, 0); };
    const key = (e: KeyboardEvent) => {
      if (e.key !== "/" || e.ctrlKey || e.metaKey || /INPUT|SELECT|TEXTAREA/.test((e.target as Element).tagName)) return;
      e.preventDefault();
      document.getElementById("search")?.focus();
    };
    addEventListener("hashchange", moved);
    addEventListener("keydown", key);
    return () => { removeEventListener("hashchange", moved); removeEventListener("keydown", key); };
  }, []);
  document.documentElement.dataset.theme = theme;
  const next = () => { const to = THEMES[(THEMES.indexOf(theme) + 1) % 3]!; localStorage.setItem("rapport-theme", to); dress(to); };
  const part = place.split("/")[1] ?? "";
  const link = (to: string, name: string) => <a href={`#/${to}`} aria-current={part === to ? "page" : undefined}>{name}</a>;
  const live = error ? "away" : heardAt ? "live" : "quiet";
  return (
    <>
      <a class="skip" href="#content" onClick={(e) => { e.preventDefault(); document.getElementById("content")?.focus(); }}>To the content</a>
      <header class="top">
        <a class="brand" href="#/"><img src="/board/icon.svg" alt="" width="24" height="24" /> Rapport</a>
        {signedIn && <nav aria-label="Pages">{link("", "Board")}{link("alerts", "Alerts")}{link("relations", "Relationships")}</nav>}
        <span class="rest" />
        {signedIn && <span class={`live ${live}`} role="status">{live === "away" ? "Disconnected" : live === "live" ? "Live" : "Connecting"}</span>}
        <button onClick={next} title="Light, dark, or as the system has it" aria-label={`Theme: ${theme}`}><span class="long">Theme: </span>{theme}</button>
        {signedIn && <button onClick={() => signIn(null)}>Sign out</button>}
      </header>
      {signedIn && error && <p class="banner" role="alert">{error.status === 403 ? `This token does not show everything: ${error.message}.` : `${rows ? "What you see may be out of date" : "Nothing can be shown"}: ${error.message}. It is tried again by itself.`}</p>}
      <main id="content" tabIndex={-1}>
        {!signedIn ? <SignIn /> : part === "p" ? <PartnershipPage id={named(place.slice(4))} /> : part === "relations" ? <RelationsPage />
          : part === "alerts" ? <AlertsPage />
          : <Board />}
      </main>
    </>
  );
}

function named(text: string): string {
  try { return decodeURIComponent(text); } catch { return text; }
}

function SignIn() {
  const { error } = useStore();
  const [token, type] = useState("");
  return (
    <form class="card signin" onSubmit={(e) => { e.preventDefault(); signIn(token.trim()); }}>
      <h1>Open the board</h1>
      <p>Paste a token. Whoever runs Rapport makes one with <code>rapport tokens create</code>; the board shows what it may see.</p>
      <label class="wide">Token <input type="password" autocomplete="off" required pattern="rap_[\w\-]+" title="It begins with rap_" value={token} onInput={(e) => type(e.currentTarget.value)} /></label>
      {error && <p role="alert" class="error">{error.message}</p>}
      <button class="main">Open</button>
      <p class="faint">It is kept in this tab only, until the tab is closed.</p>
    </form>
  );
}

const root = document.getElementById("app")!;
root.replaceChildren();
render(<App />, root);
begin();
