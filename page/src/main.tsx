// Starts the page: with the maps that a file holds, or with the one that the server gives and keeps fresh.
import { render } from "preact";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { App } from "./app.tsx";
import { type LiveFigures, SILENCE, withFigures } from "./live.ts";
import type { Given, JourneyMap, PageLanguage } from "./model.ts";

interface Languages {
  readonly languages: readonly PageLanguage[];
}

function FromFile({ maps, languages }: Languages & { readonly maps: Readonly<Record<string, JourneyMap>> }): JSX.Element | null {
  const [persona, choosePersona] = useState("");
  const map = maps[persona] ?? maps[""];
  return map === undefined ? null : <App map={map} languages={languages} persona={persona} choosePersona={choosePersona} lastSeen={null} />;
}

/** Milliseconds between two looks at the whole map, while the stream of figures flows and while it does not. */
const WHOLE_AGAIN = 60_000;
const WITHOUT_STREAM = 5_000;

function Live({ languages }: Languages): JSX.Element {
  const [map, setMap] = useState<JourneyMap | null>(null);
  const [heard, setHeard] = useState(() => Date.now());
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    let ended = false;
    let timer = 0;
    const stream = new EventSource("/v1/map/events");
    const hear = (): void => setHeard(Date.now());
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      try {
        const answer = await fetch("/v1/map");
        if (answer.ok && !ended) {
          setMap((await answer.json()) as JourneyMap);
          hear();
        }
      } catch {
        // The page says how old its figures are.
      }
      if (!ended) timer = window.setTimeout(look, stream.readyState === EventSource.OPEN ? WHOLE_AGAIN : WITHOUT_STREAM);
    };
    stream.addEventListener("open", () => void look());
    stream.addEventListener("beat", hear);
    stream.addEventListener("figures", (event) => {
      const figures = JSON.parse(event.data as string) as LiveFigures;
      setMap((shown) => (shown === null ? null : withFigures(shown, figures)));
      hear();
    });
    void look();
    const tick = window.setInterval(() => setNow(Date.now()), 2_000);
    return () => {
      ended = true;
      stream.close();
      clearTimeout(timer);
      clearInterval(tick);
    };
  }, []);
  if (map === null) return <p class="about">…</p>;
  return <App map={map} languages={languages} persona="" choosePersona={null} lastSeen={now - heard > SILENCE ? new Date(heard) : null} />;
}

const root = document.getElementById("page");
const given = JSON.parse(document.getElementById("given")?.textContent ?? "null") as Given | null;
if (root !== null && given !== null) {
  const { maps, languages } = given;
  render(maps === null ? <Live languages={languages} /> : <FromFile maps={maps} languages={languages} />, root);
}
