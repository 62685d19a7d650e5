// How wide the map is on paper, and whether it is being printed. The screen's width says nothing about the paper's.

/** A3 landscape within its margins, in CSS pixels. */
export const PAPER_WIDTH = 1512;

let printing = false;
addEventListener("beforeprint", () => {
  printing = true;
});
addEventListener("afterprint", () => {
  printing = false;
});

export function isPrinting(): boolean {
  return printing;
}
