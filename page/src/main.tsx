// Starts the page: with the maps that a file holds, or with those that the server gives.
import { render } from "preact";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { App } from "./app.tsx";
import type { Given, JourneyMap, PageLanguage } from "./model.ts";

function FromFile({ maps, languages }: { readonly maps: Readonly<Record<string, JourneyMap>>; readonly languages: readonly PageLanguage[] }): JSX.Element | null {
  const [persona, choosePersona] = useState("");
  const map = maps[persona] ?? maps[""];
  return map === undefined ? null : <App map={map} languages={languages} persona={persona} choosePersona={choosePersona} lastSeen={null} />;
}

const root = document.getElementById("page");
const given = JSON.parse(document.getElementById("given")?.textContent ?? "null") as Given | null;
if (root !== null && given !== null && given.maps !== null) {
  render(<FromFile maps={given.maps} languages={given.languages} />, root);
}
