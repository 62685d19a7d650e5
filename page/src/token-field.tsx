// Asks for the token without which the server tells nothing about single customers.
import type { JSX } from "preact";
import { useReading } from "./reading.ts";

export function TokenField({ token, setToken }: { readonly token: string; readonly setToken: (token: string) => void }): JSX.Element {
  const { speech } = useReading();
  return (
    <label>
      <span>{speech.say("token")}</span>
      <input type="password" value={token} required autocomplete="off" aria-describedby="token-hint" onInput={(event) => setToken(event.currentTarget.value)} />
      <span id="token-hint" class="small">{speech.say("token_hint")}</span>
    </label>
  );
}
