// The map as one SVG file: what the browser has laid out for A3 paper, as shapes and text that any program can draw.

import { PAPER_WIDTH } from "./paper.ts";

/** Widths to lay the map out in, in CSS pixels: that of A3 landscape within its margins, and narrower ones, which are drawn larger. */
const WIDTHS = [PAPER_WIDTH, 1440, 1368, 1296, 1224];
const MARGIN = 38;

const SVG = "http://www.w3.org/2000/svg";
/** Presentation properties of SVG, with their initial values. */
const PROPERTIES: Readonly<Record<string, string>> = {
  fill: "rgb(0, 0, 0)",
  stroke: "none",
  "stroke-width": "1px",
  "stroke-dasharray": "none",
  "stroke-linejoin": "miter",
  "stroke-opacity": "1",
  opacity: "1",
  "vector-effect": "none",
  "paint-order": "normal",
};
const OF_TEXT = ["font-size", "font-weight", "font-style", "text-anchor"] as const;
const NOT_DRAWN = new Set(["title", "desc"]);
/** What screen readers and the mouse need, and a picture does not. */
const OF_THE_PAGE = /^(class|style|role|tabindex|aria-.*|fill|stroke|stroke-width)$/;

/** Draw the element as it is on paper, and put the page back as it was. */
export async function pictureOf(root: HTMLElement, title: string): Promise<string> {
  const { style } = document.documentElement;
  const back = layOutForPaper();
  try {
    for (const width of [...WIDTHS].reverse()) {
      style.width = `${width}px`;
      await drawnAgain();
      if (fits(root)) break;
    }
    return drawn(root, title);
  } finally {
    style.width = "";
    back();
  }
}

/** Whether the sheet is filled by its width, and nothing has to be cut off or scrolled. */
function fits(root: HTMLElement): boolean {
  const { width, height } = root.getBoundingClientRect();
  const lanes = root.querySelector(".lanes");
  return (height + 2 * MARGIN) * Math.SQRT2 <= width + 2 * MARGIN && (lanes === null || lanes.scrollWidth <= lanes.clientWidth);
}

/** The rules for paper hold on the screen until the function returned is called. */
function layOutForPaper(): () => void {
  const forPrint = [...document.styleSheets].flatMap((sheet) =>
    [...sheet.cssRules].filter((rule): rule is CSSMediaRule => rule instanceof CSSMediaRule && rule.media.mediaText === "print"),
  );
  for (const rule of forPrint) rule.media.mediaText = "all";
  return () => {
    for (const rule of forPrint) rule.media.mediaText = "print";
  };
}

/** The map measures itself, and has drawn itself with the new width. A browser without a window may show no frames to wait for. */
function drawnAgain(): Promise<void> {
  dispatchEvent(new Event("resize"));
  return new Promise((resolve) => setTimeout(resolve, 0));
}

interface Corner {
  readonly left: number;
  readonly top: number;
}

function drawn(root: HTMLElement, title: string): string {
  const box = root.getBoundingClientRect();
  const corner = { left: box.left - MARGIN, top: box.top - MARGIN };
  const width = Math.ceil(box.width + 2 * MARGIN);
  // Never flatter than the sheet.
  const height = Math.max(Math.ceil(box.height + 2 * MARGIN), Math.round(width / Math.SQRT2));
  const picture = made("svg", { xmlns: SVG, width, height, viewBox: `0 0 ${width} ${height}`, "font-family": getComputedStyle(root).fontFamily.replaceAll('"', "'"), lang: document.documentElement.lang });
  picture.append(made("title", {}, title), made("rect", { width, height, fill: "#fff" }));
  drawElement(root, picture, corner);
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(picture)}\n`;
}

function made(name: string, attributes: Readonly<Record<string, string | number>>, text = ""): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) if (key !== "xmlns") element.setAttribute(key, typeof value === "number" ? rounded(value) : value);
  element.textContent = text;
  return element;
}

function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}

function drawElement(element: Element, into: SVGElement, corner: Corner): void {
  const style = getComputedStyle(element);
  const box = element.getBoundingClientRect();
  // Texts for screen readers alone are a pixel wide.
  if (style.display === "none" || style.visibility === "hidden" || box.width <= 1) return;
  if (element instanceof SVGSVGElement) {
    into.append(drawing(element, box, corner));
    return;
  }
  drawBox(style, box, into, corner);
  for (const child of element.childNodes) {
    if (child instanceof Text) drawText(child, style, into, corner);
    else if (child instanceof Element) drawElement(child, into, corner);
  }
}

/** An SVG within the page, with the styles that the page gives it. */
function drawing(svg: SVGSVGElement, box: DOMRect, corner: Corner): SVGElement {
  const copy = made("svg", { x: box.left - corner.left, y: box.top - corner.top, width: box.width, height: box.height });
  for (const name of ["viewBox", "preserveAspectRatio"]) {
    const value = svg.getAttribute(name);
    if (value !== null) copy.setAttribute(name, value);
  }
  for (const child of svg.children) copyShape(child, copy);
  return copy;
}

function copyShape(shape: Element, into: Element): void {
  const style = getComputedStyle(shape);
  if (NOT_DRAWN.has(shape.localName) || isTransparent(style)) return;
  const copy = document.createElementNS(SVG, shape.localName);
  const isGradient = shape.localName === "stop" || shape.localName.endsWith("Gradient") || shape.localName === "defs";
  for (const { name, value } of shape.attributes) if (isGradient ? name !== "class" : !OF_THE_PAGE.test(name)) copy.setAttribute(name, value);
  if (!isGradient) paint(copy, style, shape.localName === "text" || shape.localName === "tspan");
  for (const child of shape.childNodes) {
    if (child instanceof Text) copy.append(child.data);
    else if (child instanceof Element) copyShape(child, copy);
  }
  into.append(copy);
}

/** Whether it is only there to be hit by the mouse. */
function isTransparent(style: CSSStyleDeclaration): boolean {
  return style.display === "none" || (style.fill === "none" && colourOf(style.stroke).alpha === 0);
}

function paint(copy: Element, style: CSSStyleDeclaration, isText: boolean): void {
  const stroked = style.stroke !== "none";
  for (const [name, initial] of Object.entries(PROPERTIES)) {
    const value = style.getPropertyValue(name).replaceAll('"', "");
    if (value !== initial && (stroked || !name.startsWith("stroke"))) copy.setAttribute(name, value);
  }
  if (isText) for (const name of OF_TEXT) copy.setAttribute(name, style.getPropertyValue(name));
}

interface Colour {
  readonly solid: string;
  readonly alpha: number;
}

/** SVG 1.1 keeps a colour's transparency apart. */
function colourOf(css: string): Colour {
  if (css === "transparent") return { solid: "none", alpha: 0 };
  const parts = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/.exec(css);
  if (parts === null) return { solid: css, alpha: 1 };
  return { solid: `rgb(${parts[1]}, ${parts[2]}, ${parts[3]})`, alpha: Number(parts[4] ?? 1) };
}

/** Background and borders. */
function drawBox(style: CSSStyleDeclaration, box: DOMRect, into: SVGElement, corner: Corner): void {
  const x = box.left - corner.left;
  const y = box.top - corner.top;
  const ground = colourOf(style.backgroundColor);
  if (ground.alpha > 0) {
    const radius = style.borderTopLeftRadius.endsWith("%") ? (parseFloat(style.borderTopLeftRadius) / 100) * box.width : parseFloat(style.borderTopLeftRadius);
    into.append(made("rect", { x, y, width: box.width, height: box.height, rx: Math.min(radius, box.height / 2), fill: ground.solid, "fill-opacity": ground.alpha }));
  }
  const edges = {
    top: [x, y, x + box.width, y],
    right: [x + box.width, y, x + box.width, y + box.height],
    bottom: [x, y + box.height, x + box.width, y + box.height],
    left: [x, y, x, y + box.height],
  };
  for (const [side, [x1, y1, x2, y2]] of Object.entries(edges)) {
    const width = parseFloat(style.getPropertyValue(`border-${side}-width`));
    const colour = colourOf(style.getPropertyValue(`border-${side}-color`));
    const kind = style.getPropertyValue(`border-${side}-style`);
    if (width === 0 || colour.alpha === 0 || kind === "none" || kind === "hidden") continue;
    into.append(made("line", { x1: x1 ?? 0, y1: y1 ?? 0, x2: x2 ?? 0, y2: y2 ?? 0, stroke: colour.solid, "stroke-width": width, ...(kind === "dashed" ? { "stroke-dasharray": "4 3" } : {}) }));
  }
}

interface Line {
  text: string;
  left: number;
  right: number;
  top: number;
}

/** A text, line by line, where the browser has put it. */
function drawText(node: Text, style: CSSStyleDeclaration, into: SVGElement, corner: Corner): void {
  for (const line of linesOf(node)) {
    const text = made("text", { x: line.left - corner.left, y: line.top + ascentOf(style) - corner.top, fill: style.color }, line.text.trimEnd());
    for (const name of ["font-size", "font-weight", "font-style"]) text.setAttribute(name, style.getPropertyValue(name));
    // Where another font stands in, the text keeps its width.
    text.setAttribute("textLength", rounded(line.right - line.left));
    text.setAttribute("lengthAdjust", "spacingAndGlyphs");
    into.append(text);
  }
}

function linesOf(node: Text): readonly Line[] {
  const lines: Line[] = [];
  const range = document.createRange();
  let place = 0;
  for (const character of node.data) {
    range.setStart(node, place);
    place += character.length;
    range.setEnd(node, place);
    const [box] = range.getClientRects();
    if (box === undefined || box.width === 0) continue;
    const isSpace = /\s/.test(character);
    let line = lines[lines.length - 1];
    if (line === undefined || Math.abs(box.top - line.top) > 2) {
      if (isSpace) continue;
      line = { text: "", left: box.left, right: box.right, top: box.top };
      lines.push(line);
    }
    line.text += isSpace ? " " : character;
    if (!isSpace) line.right = box.right;
  }
  return lines;
}

const measuring: { pen?: CanvasRenderingContext2D | null } = {};

/** From the top of a line's box to its baseline. */
function ascentOf(style: CSSStyleDeclaration): number {
  measuring.pen ??= document.createElement("canvas").getContext("2d");
  if (measuring.pen === null) return parseFloat(style.fontSize) * 0.93;
  measuring.pen.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  return measuring.pen.measureText("x").fontBoundingBoxAscent;
}

/** Give the reader a file. */
export function save(picture: string, name: string): void {
  const address = URL.createObjectURL(new Blob([picture], { type: "image/svg+xml" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // Chromium reads it after the click.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
