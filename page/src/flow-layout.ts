// The layout of ribbons: steps to the next column in the middle, longer ways forward above, ways back below, each on its own level.
import type { Flow } from "./model.ts";

export interface Size {
  readonly width: number;
  readonly columns: readonly string[];
}

export interface Plate {
  readonly stage: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Ribbon {
  readonly flow: Flow;
  readonly path: string;
  readonly thickness: number;
  readonly label: { readonly x: number; readonly y: number };
  /** Where it ends, and which way it points. */
  readonly tip: { readonly x: number; readonly y: number; readonly angle: number };
}

export interface FlowLayout {
  readonly height: number;
  readonly plates: readonly Plate[];
  readonly ribbons: readonly Ribbon[];
}

const PLATE_HEIGHT = 50;
const MOST = 26;
const LEAST = 1.5;
const GAP = 13;
const MARGIN = 6;
const LABEL = 12;
const BEND = 12;

interface Arc {
  readonly flow: Flow;
  readonly left: number;
  readonly right: number;
  readonly thickness: number;
  level: number;
}

/** Ribbons for all moves that happened, and for steps of the ideal path that did not. */
export function layOut(flows: readonly Flow[], size: Size): FlowLayout {
  const place = new Map(size.columns.map((stage, index) => [stage, index]));
  const shown = flows.filter((flow) => (flow.count > 0 || flow.kind === "ideal") && place.has(flow.from) && place.has(flow.to));
  const most = Math.max(1, ...shown.map((flow) => flow.count));
  const thick = (flow: Flow): number => (flow.count === 0 ? 1 : Math.max(LEAST, (flow.count / most) * MOST));
  const column = size.width / size.columns.length;
  const plateWidth = Math.min(96, column * 0.5);

  const arcs = (above: boolean): Arc[] =>
    shown
      .map((flow) => ({ flow, from: place.get(flow.from) ?? 0, to: place.get(flow.to) ?? 0 }))
      .filter(({ from, to }) => (above ? to > from + 1 : to < from))
      .map(({ flow, from, to }) => ({ flow, left: Math.min(from, to), right: Math.max(from, to), thickness: thick(flow), level: 0 }));
  const above = onLevels(arcs(true));
  const below = onLevels(arcs(false));
  // Labels stand above their ribbons, even above the topmost one.
  const top = MARGIN + extent(above) + (above.length > 0 ? LABEL : 0);
  const middle = top + PLATE_HEIGHT / 2;
  const plates = size.columns.map((stage, index) => ({
    stage,
    x: (index + 0.5) * column - plateWidth / 2,
    y: top,
    width: plateWidth,
    height: PLATE_HEIGHT,
  }));

  const steps = shown
    .filter((flow) => (place.get(flow.to) ?? 0) === (place.get(flow.from) ?? 0) + 1)
    .map((flow) => {
      const from = plates[place.get(flow.from) ?? 0] as Plate;
      const to = plates[place.get(flow.to) ?? 0] as Plate;
      const start = from.x + from.width;
      const thickness = Math.min(thick(flow), PLATE_HEIGHT - 4);
      return {
        flow,
        path: `M${round(start)} ${round(middle)}H${round(to.x)}`,
        thickness,
        label: { x: (start + to.x) / 2, y: middle - thickness / 2 - 4 },
        tip: { x: to.x, y: middle, angle: 0 },
      };
    });
  const ribbons = [
    ...steps,
    ...bent(above, plates, true, top),
    ...bent(below, plates, false, top + PLATE_HEIGHT),
  ];
  return { height: Math.ceil(top + PLATE_HEIGHT + extent(below) + MARGIN), plates, ribbons };
}

/** Short ways are close to the stages, and ways that overlap are on different levels. */
function onLevels(arcs: Arc[]): Arc[] {
  const placed: Arc[] = [];
  for (const arc of [...arcs].sort((one, other) => one.right - one.left - (other.right - other.left) || one.left - other.left)) {
    const taken = new Set(placed.filter((each) => each.left < arc.right && arc.left < each.right).map((each) => each.level));
    while (taken.has(arc.level)) arc.level += 1;
    placed.push(arc);
  }
  return placed;
}

function levelOffsets(arcs: readonly Arc[]): number[] {
  const depth = Math.max(-1, ...arcs.map((arc) => arc.level)) + 1;
  const thickest = Array.from({ length: depth }, (_, level) => Math.max(...arcs.filter((arc) => arc.level === level).map((arc) => arc.thickness)));
  let reached = 0;
  return thickest.map((thickness) => {
    const middle = reached + GAP + thickness / 2;
    reached += GAP + thickness;
    return middle;
  });
}

function extent(arcs: readonly Arc[]): number {
  const offsets = levelOffsets(arcs);
  const last = offsets.length - 1;
  if (last < 0) return 0;
  return (offsets[last] ?? 0) + Math.max(...arcs.filter((arc) => arc.level === last).map((arc) => arc.thickness)) / 2;
}

function bent(arcs: readonly Arc[], plates: readonly Plate[], above: boolean, edge: number): Ribbon[] {
  const offsets = levelOffsets(arcs);
  const sign = above ? -1 : 1;
  return arcs.map((arc) => {
    const leftX = portAt(arc, arcs, plates, "left");
    const rightX = portAt(arc, arcs, plates, "right");
    const y = edge + sign * (offsets[arc.level] ?? 0);
    const bend = Math.min(BEND, (rightX - leftX) / 2);
    const [startX, endX] = above ? [leftX, rightX] : [rightX, leftX];
    const way = Math.sign(endX - startX);
    const path =
      `M${round(startX)} ${round(edge)}V${round(y - sign * bend)}` +
      `Q${round(startX)} ${round(y)} ${round(startX + way * bend)} ${round(y)}` +
      `H${round(endX - way * bend)}` +
      `Q${round(endX)} ${round(y)} ${round(endX)} ${round(y - sign * bend)}V${round(edge)}`;
    return {
      flow: arc.flow,
      path,
      thickness: arc.thickness,
      label: { x: (leftX + rightX) / 2, y: y - arc.thickness / 2 - 3 },
      tip: { x: endX, y: edge, angle: above ? 90 : -90 },
    };
  });
}

/** Where on a stage's edge a way begins or ends: the shorter the way, the nearer to the side that it leads to. */
function portAt(arc: Arc, arcs: readonly Arc[], plates: readonly Plate[], side: "left" | "right"): number {
  const index = arc[side];
  const plate = plates[index] as Plate;
  // Ways to the right use the right half, ways to the left the left half.
  const here = arcs.filter((each) => each[side] === index).sort((one, other) => one.right - one.left - (other.right - other.left));
  const total = here.reduce((sum, each) => sum + each.thickness, 0) + 3 * (here.length - 1);
  const half = plate.width / 2;
  const squeeze = Math.min(1, (half - 2) / Math.max(1, total));
  let reached = 0;
  for (const each of here) {
    if (each === arc) break;
    reached += (each.thickness + 3) * squeeze;
  }
  const inset = reached + (arc.thickness * squeeze) / 2 + 2;
  return side === "left" ? plate.x + plate.width - inset : plate.x + inset;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
