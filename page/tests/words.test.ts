import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import type { PageLanguage } from "../src/model.ts";
import { Speech, firstLanguage } from "../src/words.ts";

const folder = new URL("../../service/etapa/languages/", import.meta.url);
const languages = readdirSync(folder)
  .filter((name) => name.endsWith(".json"))
  .map((name) => JSON.parse(readFileSync(new URL(name, folder), "utf8")) as PageLanguage);
const speech = (code: string): Speech => new Speech(languages.find((each) => each.code === code) as PageLanguage);

test("the reader's own choice comes first, then the browser's languages, then English", () => {
  assert.equal(firstLanguage(languages, "en", ["es-BO"]), "en");
  assert.equal(firstLanguage(languages, null, ["fr", "es-BO", "en"]), "es");
  assert.equal(firstLanguage(languages, "xx", ["fr"]), "en");
});

test("numbers, shares and durations are written as the language has it", () => {
  assert.equal(speech("en").number(12345), "12,345");
  assert.equal(speech("es").number(12345), "12.345");
  assert.equal(speech("en").share(0.456), "46%");
  assert.equal(speech("en").share(0.004), "0.4%");
  assert.equal(speech("en").points(0.1033), "+10.3");
  assert.equal(speech("es").points(-0.02), "-2,0");
  assert.equal(speech("en").points(0), "0.0");
  assert.equal(speech("en").duration(5.07 * 86_400), "5.1 days");
  assert.equal(speech("es").duration(90), "1,5 minutos");
  assert.equal(speech("en").duration(0), "0 seconds");
});

test("a phrase with a number has its plural", () => {
  assert.equal(speech("es").say("answers", { n: 1 }), "1 respuesta");
  assert.equal(speech("es").say("answers", { n: 1200 }), "1200 respuestas");
});

test("a phrase that is not there is an error and no empty place", () => {
  assert.throws(() => speech("en").say("no_such_phrase"), /no_such_phrase/);
});

test("every phrase that the page says is there, and none is there that it does not say", () => {
  const sources = readdirSync(new URL("../src/", import.meta.url)).map((name) => readFileSync(new URL(`../src/${name}`, import.meta.url), "utf8"));
  const code = sources.join("\n");
  const computed = ["lane_", "point_", "kind_", "cause_", "extreme_", "theme_", "verdict_"];
  for (const language of languages) {
    for (const key of Object.keys(language.page)) {
      const said = code.includes(`"${key}"`) || computed.some((prefix) => key.startsWith(prefix) && code.includes(`\`${prefix}\${`));
      assert.ok(said, `${language.code}: the page never says ${key}`);
    }
    for (const [, key] of code.matchAll(/\.say\("(\w+)"/g)) assert.ok(key !== undefined && key in language.page, `${language.code} lacks ${key}`);
  }
});
