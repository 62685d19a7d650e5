// The page: the header with its choices, the map or its tables, the findings, and the panel.
import type { JSX } from "preact";
import { useCallback, useLayoutEffect, useMemo, useState } from "preact/hooks";
import { channelsOf, onChannel } from "./channels.ts";
import { FigureTables } from "./figures.tsx";
import { Finder } from "./finder.tsx";
import { Findings } from "./findings.tsx";
import { Lanes } from "./lanes.tsx";
import { List } from "./list.tsx";
import type { JourneyMap, PageLanguage } from "./model.ts";
import { Panel } from "./panel.tsx";
import { pictureOf, save } from "./picture.ts";
import { type Chosen, ReadingProvider, isCounted, isPlanned, stageName } from "./reading.ts";
import { Speech, firstLanguage } from "./words.ts";

const PERIODS = [7, 30, 90, 365];
const NARROW = "screen and (max-width: 760px)";
type Theme = "auto" | "light" | "dark";

export interface AppProps {
  readonly map: JourneyMap;
  readonly languages: readonly PageLanguage[];
  readonly persona: string;
  /** Null if there is only the map of all customers. */
  readonly choosePersona: ((persona: string) => void) | null;
  /** The days shown, or null for all; missing if there is no choice. */
  readonly days?: number | null;
  readonly chooseDays?: (days: number | null) => void;
  /** On a live page with old figures, when they were last updated. */
  readonly lastSeen: Date | null;
  /** The first language shown, if it is not to be the reader's. */
  readonly language?: string | null;
  /** Whether there is a server to ask for single customers. */
  readonly hasCustomers?: boolean;
}

export function App({ map: whole, languages, persona, choosePersona, days = null, chooseDays, lastSeen, language = null, hasCustomers = false }: AppProps): JSX.Element {
  const [code, setCode] = useState(() => firstLanguage(languages, language ?? kept("language"), navigator.languages));
  const [theme, setTheme] = useState<Theme>(() => (kept("theme") as Theme | null) ?? "auto");
  const [chosen, setChosen] = useState<Chosen>(null);
  const [asTables, setAsTables] = useState(false);
  const [channel, chooseChannel] = useState("");
  const narrow = useMedia(NARROW);
  const map = useMemo(() => onChannel(whole, channel), [whole, channel]);
  const channels = channelsOf(whole);
  const speech = useMemo(() => new Speech(languages.find((each) => each.code === code) ?? (languages[0] as PageLanguage)), [code, languages]);
  const [finds, setFinds] = useState<string | null>(null);
  const choose = useCallback((next: Chosen) => {
    setFinds(null);
    setChosen(next);
  }, []);
  const find = useCallback((id: string) => {
    setChosen(null);
    setFinds(id);
  }, []);
  // Before anything is shown or read out in the other language.
  useLayoutEffect(() => {
    document.documentElement.lang = code;
    document.title = speech.say("title", { journey: map.journey });
    keep("language", code);
  }, [code, speech, map.journey]);
  useLayoutEffect(() => {
    document.documentElement.dataset["theme"] = theme;
    keep("theme", theme);
  }, [theme]);
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape") choose(null);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [choose]);
  const reading = { map, speech, chosen, choose, find: hasCustomers ? find : null, planned: isPlanned(whole), channel };
  const isNamed = Object.keys(map.scope).length > 0;
  const who = map.personas.find((each) => each.id === persona);
  return (
    <ReadingProvider value={reading}>
      <header class="head">
        <div class="title">
          <h1>{speech.of(map.scope, map.journey)}</h1>
          <p>
            {speech.say(isNamed ? "of_journey" : "version", { journey: map.journey, version: String(map.version) })}
            {map.state === "future" && <span class="tag">{speech.say("future")}</span>}
          </p>
        </div>
        <p class="sum">
          {isCounted(map) ? (
            <>
              <strong>{speech.number(map.customers)}</strong> {speech.say("customers_n", { n: map.customers })}
            </>
          ) : (
            speech.say("design_alone")
          )}
          {map.from !== null && map.until !== null && (
            <span class="small">
              {speech.date(map.from)} – {speech.date(map.until)}
            </span>
          )}
        </p>
        {lastSeen !== null && <p class="stale" role="status">{speech.say("last_seen", { time: speech.time(lastSeen) })}</p>}
        <div class="choices">
          {map.personas.length > 0 && choosePersona !== null && isCounted(map) && (
            <label>
              <span class="unseen">{speech.say("persona")}</span>
              <select value={persona} onChange={(event) => choosePersona(event.currentTarget.value)}>
                <option value="">{speech.say("everybody")}</option>
                {map.personas.map((each) => <option key={each.id} value={each.id}>{speech.of(each.label, each.id)}</option>)}
              </select>
            </label>
          )}
          {channels.length > 0 && (
            <label>
              <span class="unseen">{speech.say("channel")}</span>
              <select value={channel} onChange={(event) => chooseChannel(event.currentTarget.value)}>
                <option value="">{speech.say("channel_all")}</option>
                {channels.map((each) => <option key={each.id} value={each.id ?? ""}>{speech.of(each.label, each.id ?? "")}</option>)}
              </select>
            </label>
          )}
          {chooseDays !== undefined && (
            <label>
              <span class="unseen">{speech.say("period")}</span>
              <select value={days === null ? "" : String(days)} onChange={(event) => chooseDays(event.currentTarget.value === "" ? null : Number(event.currentTarget.value))}>
                <option value="">{speech.say("period_all")}</option>
                {PERIODS.map((each) => <option key={each} value={String(each)}>{speech.say("period_days", { n: each })}</option>)}
              </select>
            </label>
          )}
          {hasCustomers && (
            <button type="button" aria-expanded={finds !== null} onClick={() => (finds === null ? find("") : setFinds(null))}>{speech.say("find_customer")}</button>
          )}
          <button type="button" aria-pressed={asTables} onClick={() => setAsTables(!asTables)}>{speech.say("as_table")}</button>
          <button type="button" class="save" title={speech.say("save_hint")} onClick={() => void saveAsPicture(map.journey)}>{speech.say("save")}</button>
          <label>
            <span class="unseen">{speech.say("language")}</span>
            <select value={code} onChange={(event) => setCode(event.currentTarget.value)}>
              {languages.map((each) => <option key={each.code} value={each.code} lang={each.code}>{each.name}</option>)}
            </select>
          </label>
          <label>
            <span class="unseen">{speech.say("theme")}</span>
            <select value={theme} onChange={(event) => setTheme(event.currentTarget.value as Theme)}>
              {(["auto", "light", "dark"] as const).map((each) => <option key={each} value={each}>{speech.say(`theme_${each}`)}</option>)}
            </select>
          </label>
        </div>
      </header>
      {who !== undefined && <p class="about">{speech.of(who.about)}</p>}
      {who === undefined && map.personas.length > 0 && (
        <ul class={isCounted(map) ? "personas on-paper" : "personas"} aria-label={speech.say("persona")}>
          {map.personas.map((each) => (
            <li key={each.id}>
              <strong>{speech.of(each.label, each.id)}</strong> {speech.of(each.about)}
            </li>
          ))}
        </ul>
      )}
      {channel !== "" && <p class="about" role="status">{speech.say("channel_alone")}</p>}
      <main class={lastSeen === null ? "" : "old"}>
        {asTables ? <FigureTables /> : narrow ? <><Findings /><List /></> : <><Lanes /><Findings /></>}
      </main>
      {finds !== null ? <Finder close={() => setFinds(null)} first={finds} /> : <Panel />}
      <p class="unseen" aria-live="polite">{announcement(map, speech, chosen)}</p>
    </ReadingProvider>
  );
}

async function saveAsPicture(journey: string): Promise<void> {
  const page = document.getElementById("page");
  if (page !== null) save(await pictureOf(page, document.title), `${journey}.svg`);
}

/** Read aloud by screen readers only when something is chosen. */
function announcement(map: JourneyMap, speech: Speech, chosen: Chosen): string {
  if (chosen === null) return "";
  return speech.say("chosen", {
    what: "stage" in chosen ? stageName(map, speech, chosen.stage) : `${stageName(map, speech, chosen.from)} → ${stageName(map, speech, chosen.to)}`,
  });
}

/** Whether the screen is like that; paper never is. */
function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useLayoutEffect(() => {
    const list = matchMedia(query);
    const onChange = (): void => setMatches(list.matches);
    // Sheets are counted before a change caused by the print itself is drawn.
    const onPrint = (): void => setMatches(false);
    list.addEventListener("change", onChange);
    addEventListener("beforeprint", onPrint);
    addEventListener("afterprint", onChange);
    return () => {
      list.removeEventListener("change", onChange);
      removeEventListener("beforeprint", onPrint);
      removeEventListener("afterprint", onChange);
    };
  }, [query]);
  return matches;
}

// A page opened from a file may have no storage.
function kept(name: string): string | null {
  try {
    return localStorage.getItem(`etapa-${name}`);
  } catch {
    return null;
  }
}

function keep(name: string, value: string): void {
  try {
    localStorage.setItem(`etapa-${name}`, value);
  } catch {
    // Only the choice is lost.
  }
}
