// Starts the page with the maps in a file, or with a live map from the server.
import { render } from "preact";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { App } from "./app.tsx";
import { type LiveFigures, SILENCE, mapAddress, withFigures } from "./live.ts";
import type { Given, JourneyMap, PageLanguage } from "./model.ts";
import { pictureOf } from "./picture.ts";

interface Languages {
  readonly languages: readonly PageLanguage[];
}

interface OfFile extends Languages {
  readonly maps: Readonly<Record<string, JourneyMap>>;
  readonly language: string | null;
}

function FromFile({ maps, languages, language }: OfFile): JSX.Element | null {
  const [persona, choosePersona] = useState("");
  const map = maps[persona] ?? maps[""];
  return map === undefined ? null : <App map={map} languages={languages} persona={persona} choosePersona={choosePersona} language={language} lastSeen={null} />;
}

/** Milliseconds until the whole map is fetched again: while nothing changes, after a change, and while the stream is down. */
const UNCHANGED = 60_000;
const CHANGED = 1_000;
const WITHOUT_STREAM = 5_000;

function Live({ languages }: Languages): JSX.Element {
  const [map, setMap] = useState<JourneyMap | null>(null);
  const [persona, choosePersona] = useState("");
  const [days, chooseDays] = useState<number | null>(null);
  const [heard, setHeard] = useState(() => Date.now());
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    let ended = false;
    let timer = 0;
    let due = 0;
    let latest: LiveFigures | null = null;
    let drawnAt: string | null = null;
    const fresh = (found: JourneyMap): JourneyMap => (persona === "" && latest !== null ? withFigures(found, latest) : found);
    const stream = new EventSource("/v1/map/events");
    const hear = (): void => setHeard(Date.now());
    const lookIn = (wait: number): void => {
      const at = Date.now() + wait;
      if (timer !== 0 && due <= at) return;
      clearTimeout(timer);
      due = at;
      timer = window.setTimeout(() => void look(), wait);
    };
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      timer = 0;
      try {
        const answer = await fetch(mapAddress(persona, days, new Date()));
        if (answer.ok && !ended) {
          const found = (await answer.json()) as JourneyMap;
          if (!ended) {
            // The server may return a map that it drew a while ago: keep the newer figures, and fetch the rest again.
            setMap(fresh(found));
            hear();
            if (found.until !== null && found.until === drawnAt) lookIn(WITHOUT_STREAM);
            drawnAt = found.until;
          }
        }
      } catch {
        // The page says how old its figures are.
      }
      if (!ended) lookIn(stream.readyState === EventSource.OPEN ? UNCHANGED : WITHOUT_STREAM);
    };
    stream.addEventListener("beat", hear);
    stream.addEventListener("figures", (event) => {
      latest = JSON.parse(event.data as string) as LiveFigures;
      setMap((shown) => (shown === null ? null : fresh(shown)));
      hear();
      lookIn(CHANGED);
    });
    void look();
    return () => {
      ended = true;
      stream.close();
      clearTimeout(timer);
    };
  }, [persona, days]);
  useEffect(() => {
    const tick = window.setInterval(() => setNow(Date.now()), 2_000);
    return () => clearInterval(tick);
  }, []);
  if (map === null) return <p class="about">…</p>;
  const lastSeen = now - heard > SILENCE ? new Date(heard) : null;
  return <App map={map} languages={languages} persona={persona} choosePersona={choosePersona} days={days} chooseDays={chooseDays} lastSeen={lastSeen} hasCustomers />;
}

/** The picture as text, for a browser without a window to give to the program that started it. */
async function becomePicture(page: HTMLElement): Promise<void> {
  const text = document.createElement("pre");
  text.id = "picture";
  text.textContent = await pictureOf(page, document.title);
  document.body.replaceChildren(text);
}

const root = document.getElementById("page");
const given = JSON.parse(document.getElementById("given")?.textContent ?? "null") as Given | null;
if (root !== null && given !== null) {
  const { maps, languages, language } = given;
  render(maps === null ? <Live languages={languages} /> : <FromFile maps={maps} languages={languages} language={language} />, root);
  if (given.as_picture) void becomePicture(root);
}
