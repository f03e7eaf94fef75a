export { ContractBroken } from "./contract-case.ts";
export type { ContractCase } from "./contract-case.ts";
export { contractCases, runContract } from "./run-contract.ts";
export type { ContractFailure, ContractOptions, ContractReport } from "./run-contract.ts";
