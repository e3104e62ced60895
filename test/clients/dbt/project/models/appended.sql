{{ config(materialized='incremental', incremental_strategy='append', order_by='id') }}
select id from {{ source('gatepost', 'readings') }}
