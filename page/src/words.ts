// The page's texts in the reader's language, with plurals, numbers and times.
import type { PageLanguage, Words } from "./model.ts";

const DAY = 86_400;
const UNITS = [
  ["day", DAY],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** The initial language: the one chosen before, or the first available one of the browser's, or English. */
export function firstLanguage(languages: readonly PageLanguage[], chosen: string | null, wanted: readonly string[]): string {
  const codes = languages.map((language) => language.code);
  for (const tag of [...(chosen === null ? [] : [chosen]), ...wanted, "en"]) {
    const found = codes.find((code) => code === tag) ?? codes.find((code) => code === tag.split("-")[0]);
    if (found !== undefined) return found;
  }
  return codes[0] ?? "en";
}

export class Speech {
  readonly code: string;
  readonly #language: PageLanguage;
  readonly #whole: Intl.NumberFormat;
  readonly #short: Intl.NumberFormat;
  readonly #percent: Intl.NumberFormat;
  readonly #finePercent: Intl.NumberFormat;
  readonly #points: Intl.NumberFormat;
  readonly #plural: Intl.PluralRules;

  constructor(language: PageLanguage) {
    this.code = language.code;
    this.#language = language;
    this.#whole = new Intl.NumberFormat(language.code, { maximumFractionDigits: 0 });
    this.#short = new Intl.NumberFormat(language.code, { maximumFractionDigits: 1 });
    this.#percent = new Intl.NumberFormat(language.code, { style: "percent", maximumFractionDigits: 0 });
    this.#finePercent = new Intl.NumberFormat(language.code, { style: "percent", maximumFractionDigits: 1 });
    this.#points = new Intl.NumberFormat(language.code, { signDisplay: "exceptZero", minimumFractionDigits: 1, maximumFractionDigits: 1 });
    this.#plural = new Intl.PluralRules(language.code);
  }

  /** A phrase with its placeholders filled. `n` selects the plural form; numbers are formatted for the language. */
  say(key: string, places: Readonly<Record<string, string | number>> = {}): string {
    const phrase = this.#language.page[key];
    if (phrase === undefined) throw new Error(`${this.code} has no phrase ${key}`);
    const number = typeof places["n"] === "number" ? places["n"] : 0;
    const text = typeof phrase === "string" ? phrase : this.#plural.select(number) === "one" ? phrase.one : phrase.other;
    return text.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = places[name];
      return typeof value === "number" ? this.#short.format(value) : (value ?? "");
    });
  }

  /** A text of the journey file, or `otherwise` (the name used in rules) if it has none. */
  of(words: Words, otherwise = ""): string {
    return words[this.code] ?? words["mul"] ?? words["en"] ?? Object.values(words)[0] ?? otherwise;
  }

  number(value: number): string {
    return this.#whole.format(value);
  }

  decimal(value: number): string {
    return this.#short.format(value);
  }

  /** A difference of shares in percentage points, with its sign: `+10.3`. */
  points(value: number): string {
    return this.#points.format(100 * value);
  }

  /** A share in percent; small shares are not rounded to zero. */
  share(value: number): string {
    return (value > 0 && value < 0.01 ? this.#finePercent : this.#percent).format(value);
  }

  /** A duration in its largest unit, with one decimal below ten: `5.1 days`. */
  duration(seconds: number): string {
    return this.#inUnits(seconds, "long");
  }

  /** The same in short form: `5.1d`. */
  briefly(seconds: number): string {
    return this.#inUnits(seconds, "narrow");
  }

  #inUnits(seconds: number, unitDisplay: "long" | "narrow"): string {
    const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? UNITS[3];
    const value = seconds / length;
    const digits = value < 10 ? 1 : 0;
    return new Intl.NumberFormat(this.code, { style: "unit", unit, unitDisplay, maximumFractionDigits: digits }).format(value);
  }

  /** A date in the usual form. */
  date(moment: string): string {
    return new Intl.DateTimeFormat(this.code, { dateStyle: "medium", timeZone: "UTC" }).format(new Date(moment));
  }

  /** A day and a time of day where the reader is. */
  moment(at: string): string {
    return new Intl.DateTimeFormat(this.code, { dateStyle: "medium", timeStyle: "short" }).format(new Date(at));
  }

  /** A time of day in the reader's time zone. */
  time(moment: Date): string {
    return new Intl.DateTimeFormat(this.code, { timeStyle: "short" }).format(moment);
  }
}
