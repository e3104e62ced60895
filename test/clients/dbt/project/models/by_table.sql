{{ config(materialized='table', engine='MergeTree()', order_by='id') }}
select id, name from {{ source('gatepost', 'readings') }}
